// The configuration that a top function is compiled for.
#ifndef SLUICE_HLS_TOP_CONFIGURATION_HPP_
#define SLUICE_HLS_TOP_CONFIGURATION_HPP_

#include "hls/config/generated/configurations.hpp"
#include "hls/memories.hpp"

// A struct of hls/config/generated. Without a choice the smallest, for tools that define nothing.
#ifndef SLUICE_CONFIGURATION
#define SLUICE_CONFIGURATION Ci
#endif

namespace sluice {

using TopConfiguration = configurations::SLUICE_CONFIGURATION;
using TopBeat = Beat<TopConfiguration>;
using TopScratchpads = Scratchpads<TopConfiguration>;

}  // namespace sluice

#endif  // SLUICE_HLS_TOP_CONFIGURATION_HPP_
