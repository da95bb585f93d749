# Written by scripts/generate-npu-constants.mjs from hls/config/*.json; change that and run it again.
set(sluice_configurations Ci Kv260L Kv260M U50 Zynq7020)
