// Words of the on-chip memories and of the memory bus. hls/isa/README.md says what each holds.
#ifndef SLUICE_HLS_MEMORIES_HPP_
#define SLUICE_HLS_MEMORIES_HPP_

#include <cstdint>

#include "hls/isa/generated/instructions.hpp"
#include "hls/lane_words.hpp"
#include "hls/portability.hpp"

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

// A record as parameter memory holds it: the 62 bits of the off-chip record that mean something,
// from the lowest on the bias, the multiplier and the shift.
using PackedRecord = std::uint64_t;

constexpr std::uint32_t kBiasBits = 32;
constexpr std::uint32_t kShiftBits = 6;
static_assert(isa::kShiftMax == (1u << kShiftBits) - 1, "a shift fits its bits");
constexpr std::uint32_t kRecordBits = kBiasBits + isa::kMultiplierBits + kShiftBits;
static_assert(kRecordBits <= 8 * isa::kParameterRecordBytes, "a record fits its bytes");
constexpr PackedRecord kRecordMask = (PackedRecord{1} << kRecordBits) - 1;

inline PackedRecord PackRecord(std::int32_t bias, std::uint32_t multiplier, std::uint32_t shift) {
  HLS_INLINE
  return static_cast<std::uint32_t>(bias) | PackedRecord{multiplier} << kBiasBits |
         PackedRecord{shift} << (kBiasBits + isa::kMultiplierBits);
}

inline ChannelRecord UnpackRecord(PackedRecord packed) {
  HLS_INLINE
  ChannelRecord record;
  record.bias = static_cast<std::int32_t>(static_cast<std::uint32_t>(packed));
  record.multiplier =
      static_cast<std::uint32_t>(packed >> kBiasBits) & ((1u << isa::kMultiplierBits) - 1);
  record.shift =
      static_cast<std::uint32_t>(packed >> (kBiasBits + isa::kMultiplierBits)) & isa::kShiftMax;
  return record;
}

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
  PackedRecord parameter[Configuration::kParameterBlocks][Configuration::kOutputParallel];
  std::int32_t table[kTableCopies][kTableWords];
};

}  // namespace sluice

// In the body of a loop that uses the memories once an iteration: tokens keep whoever reads a line,
// tile, block or slot away from whoever writes it.
#define SLUICE_MEMORIES_INDEPENDENT(memories) \
  HLS_DEPENDENCE_FREE(memories.activation)    \
  HLS_DEPENDENCE_FREE(memories.weight)        \
  HLS_DEPENDENCE_FREE(memories.parameter)     \
  HLS_DEPENDENCE_FREE(memories.table)

#endif  // SLUICE_HLS_MEMORIES_HPP_
