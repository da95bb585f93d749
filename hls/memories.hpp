// Words of the on-chip memories and of the memory bus.
#ifndef SLUICE_HLS_MEMORIES_HPP_
#define SLUICE_HLS_MEMORIES_HPP_

#include <cstdint>

#include "hls/portability.hpp"

namespace sluice {

// One transfer of the 128-bit memory bus.
constexpr std::uint32_t kBeatBytes = 16;
struct Beat {
  std::uint8_t byte[kBeatBytes];
};

// One word of activation memory: `kBlock` neighbouring channels of one row.
template <class Configuration>
struct ActivationWord {
  std::int8_t lane[Configuration::kBlock];
};

// One word of weight memory: weight[output lane][input lane].
template <class Configuration>
struct WeightTile {
  std::int8_t weight[Configuration::kBlock][Configuration::kBlock];
};

// One output channel: scale = multiplier * 2^-shift.
struct ChannelRecord {
  std::int32_t bias;
  std::uint32_t multiplier;
  std::uint32_t shift;
};

// The memories that the EXECUTE unit owns.
template <class Configuration>
struct Scratchpads {
  static_assert(Configuration::kBlock == kBeatBytes, "an activation word is one beat of bytes");
  static constexpr std::uint32_t kBeatsPerTile = Configuration::kBlock;

  ActivationWord<Configuration> activation[Configuration::kActivationWords];
  WeightTile<Configuration> weight[Configuration::kWeightTiles];
  ChannelRecord parameter[Configuration::kParameterRecords];
};

}  // namespace sluice

#endif  // SLUICE_HLS_MEMORIES_HPP_
