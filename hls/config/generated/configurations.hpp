// Written by scripts/generate-npu-constants.mjs from hls/config/*.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_CONFIGURATIONS_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_CONFIGURATIONS_HPP_

#include "hls/config/generated/ci.hpp"
#include "hls/config/generated/kv260-l.hpp"
#include "hls/config/generated/kv260-m.hpp"
#include "hls/config/generated/u50.hpp"
#include "hls/config/generated/zynq7020.hpp"

// Calls APPLY with each configuration's type.
#define SLUICE_FOR_EACH_CONFIGURATION(APPLY) \
  APPLY(::sluice::configurations::Ci) \
  APPLY(::sluice::configurations::Kv260L) \
  APPLY(::sluice::configurations::Kv260M) \
  APPLY(::sluice::configurations::U50) \
  APPLY(::sluice::configurations::Zynq7020)

#endif  // SLUICE_HLS_CONFIG_GENERATED_CONFIGURATIONS_HPP_
