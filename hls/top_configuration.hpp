// The configuration that a top function is compiled for.
#ifndef SLUICE_HLS_TOP_CONFIGURATION_HPP_
#define SLUICE_HLS_TOP_CONFIGURATION_HPP_

#include "hls/config/generated/configurations.hpp"
#include "hls/memories.hpp"

#ifndef SLUICE_CONFIGURATION
#error "Define SLUICE_CONFIGURATION as a struct of hls/config/generated, such as Ci."
#endif

namespace sluice {

using TopConfiguration = configurations::SLUICE_CONFIGURATION;
using TopBeat = Beat<TopConfiguration>;
using TopScratchpads = Scratchpads<TopConfiguration>;

}  // namespace sluice

#endif  // SLUICE_HLS_TOP_CONFIGURATION_HPP_
