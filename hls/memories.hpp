// Words of the on-chip memories and of the memory bus. hls/isa/README.md says what each holds.
#ifndef SLUICE_HLS_MEMORIES_HPP_
#define SLUICE_HLS_MEMORIES_HPP_

#include <cstdint>

#include "hls/isa/generated/instructions.hpp"
#include "hls/lane_words.hpp"

namespace sluice {

// One transfer of the memory bus, as wide as an activation word.
template <class Configuration>
using Beat = LaneWords<Configuration::kInputParallel>;

// `kInputParallel` neighbouring channels of one pixel.
template <class Configuration>
using ActivationWord = LaneWords<Configuration::kInputParallel>;

// The weights of one output lane in a tile.
template <class Configuration>
using WeightRow = LaneWords<Configuration::kInputParallel>;

// One output channel: scale = multiplier * 2^-shift.
struct ChannelRecord {
  std::int32_t bias;
  std::uint32_t multiplier;
  std::uint32_t shift;
};

// The memories that the EXECUTE unit owns. Each bank of activation memory holds one column of every
// line, each row of weight memory those of one output lane; each copy of the tables serves one lane
// that is finished in a clock.
template <class Configuration>
struct Scratchpads {
  static constexpr std::uint32_t kTableCopies =
      Configuration::kVectorParallel * Configuration::kOutputParallel;
  static constexpr std::uint32_t kTableWords = Configuration::kTableSlots * isa::kTableEntries;

  ActivationWord<Configuration> activation[Configuration::kPixelParallel]
                                          [Configuration::kActivationLines];
  WeightRow<Configuration> weight[Configuration::kOutputParallel][Configuration::kWeightTiles];
  ChannelRecord parameter[Configuration::kParameterBlocks][Configuration::kOutputParallel];
  std::int32_t table[kTableCopies][kTableWords];
};

}  // namespace sluice

#endif  // SLUICE_HLS_MEMORIES_HPP_
