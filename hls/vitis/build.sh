#!/usr/bin/env bash
# Builds a board image (.xclbin) of one hardware configuration with AMD's Vitis.
#   hls/vitis/build.sh BOARD CONFIGURATION PLATFORM OUTPUT-FOLDER
# BOARD has a file BOARD.cfg here, CONFIGURATION one in hls/config; PLATFORM is a name or an .xpfm file.
# Never tried with the vendor's tools or a board: see README.md.
set -euo pipefail

if [ "$#" -ne 4 ]; then
  echo "usage: hls/vitis/build.sh BOARD CONFIGURATION PLATFORM OUTPUT-FOLDER" >&2
  exit 2
fi
board=$1 configuration=$2 platform=$3 output=$4
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
template=$here/$board.cfg
constants=$repository/hls/config/generated/$configuration.hpp
for file in "$template" "$constants"; do
  [ -f "$file" ] || { echo "build.sh: no file $file" >&2; exit 2; }
done
command -v v++ >/dev/null || { echo 'build.sh: no v++; source settings64.sh of Vitis first' >&2; exit 2; }

# The kernel's name carries the hardware hash: the host refuses an image of other hardware by it.
structure=$(sed -n 's/^struct \([A-Za-z0-9]*\) {$/\1/p' "$constants")
clock_mhz=$(sed -n 's/.* kClockMhz = \([0-9]*\);$/\1/p' "$constants")
digits=$(sed -n '/ kHash\[32\]/,/};/p' "$constants" | grep -o '0x[0-9a-f][0-9a-f]' | head -n 8 | cut -c 3- | tr -d '\n')
[ -n "$structure" ] && [ -n "$clock_mhz" ] && [ "${#digits}" = 16 ] \
  || { echo "build.sh: $constants is not as scripts/generate-npu-constants.mjs writes it" >&2; exit 1; }

mkdir -p "$output"
output=$(cd "$output" && pwd)
link=$output/link.cfg
sed -e "s/@UNIT@/npu_$digits/g" -e "s/@CLOCK_MHZ@/$clock_mhz/g" -e "s/@CLOCK_HZ@/${clock_mhz}000000/g" \
  "$template" >"$link"

cd "$output"
v++ -c -t hw --platform "$platform" -k sluice_npu \
  --hls.clock "${clock_mhz}000000:sluice_npu" \
  -I "$repository" -D "SLUICE_CONFIGURATION=$structure" -D SLUICE_HLS_VITIS \
  --save-temps --temp_dir compile -o sluice_npu.xo "$repository/hls/npu/dataflow/top.cpp"
v++ -l -t hw --platform "$platform" --config "$link" \
  --save-temps --temp_dir link -o "$configuration.xclbin" sluice_npu.xo
echo "$output/$configuration.xclbin"
