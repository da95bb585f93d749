// Written by scripts/generate-npu-constants.mjs from hls/config/*.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_CONFIGURATIONS_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_CONFIGURATIONS_HPP_

#include "hls/config/generated/ci.hpp"
#include "hls/config/generated/kv260-m.hpp"

// Calls APPLY with each configuration's type.
#define SLUICE_FOR_EACH_CONFIGURATION(APPLY) \
  APPLY(::sluice::configurations::Ci) \
  APPLY(::sluice::configurations::Kv260M)

#endif  // SLUICE_HLS_CONFIG_GENERATED_CONFIGURATIONS_HPP_
