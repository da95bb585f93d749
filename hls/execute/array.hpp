// The multiplier array and the registers of the tile that it works on.
#ifndef SLUICE_HLS_EXECUTE_ARRAY_HPP_
#define SLUICE_HLS_EXECUTE_ARRAY_HPP_

#include <cstdint>

#include "hls/elementwise/select.hpp"
#include "hls/execute/lanes.hpp"
#include "hls/execute/plan.hpp"
#include "hls/memories.hpp"
#include "hls/multiply/multiply.hpp"
#include "hls/portability.hpp"

namespace sluice {

// One number for each pixel and output channel: a sum, a maximum, or two operands side by side.
template <class Configuration>
struct TileRegisters {
  std::int32_t value[Configuration::kPixelParallel][Configuration::kOutputParallel];
};

// The weights of a step, packed as the multipliers take them.
template <class Configuration>
struct PackedTile {
  LaneWords<Configuration::kInputParallel> row[Configuration::kOutputParallel];
};

template <class Configuration>
inline LaneWords<Configuration::kInputParallel> PackLanes(
    const std::int8_t (&lanes)[Configuration::kInputParallel]) {
  HLS_INLINE
  LaneWords<Configuration::kInputParallel> packed;
  HLS_LABEL(pack_words)
  for (std::uint32_t word = 0; word < LaneWords<Configuration::kInputParallel>::kWords; ++word) {
    HLS_UNROLL
    std::uint64_t bits = 0;
    HLS_LABEL(pack_bytes)
    for (std::uint32_t byte = 0; byte < kWordLanes; ++byte) {
      HLS_UNROLL
      const std::uint8_t lane = static_cast<std::uint8_t>(lanes[word * kWordLanes + byte]);
      bits |= static_cast<std::uint64_t>(lane) << 8 * byte;
    }
    packed.word[word] = bits;
  }
  return packed;
}

// The tile as it stands, or, depthwise, one row of it along the diagonal: then each output lane
// multiplies with its own input lane alone.
template <class Configuration>
inline PackedTile<Configuration> SelectWeights(const WeightTile<Configuration>& tile,
                                               bool depthwise, std::uint32_t row) {
  HLS_INLINE
  PackedTile<Configuration> packed;
  HLS_LABEL(select_outputs)
  for (std::uint32_t output = 0; output < Configuration::kOutputParallel; ++output) {
    HLS_UNROLL
    std::int8_t lanes[Configuration::kInputParallel];
    HLS_PARTITION(lanes, 0)
    HLS_LABEL(select_inputs)
    for (std::uint32_t input = 0; input < Configuration::kInputParallel; ++input) {
      HLS_UNROLL
      const std::int8_t diagonal = input == output ? tile.weight[row][input] : std::int8_t{0};
      lanes[input] = depthwise ? diagonal : tile.weight[output][input];
    }
    packed.row[output] = PackLanes<Configuration>(lanes);
  }
  return packed;
}

// Adds a word's dot products with all output lanes to the sums, or starts them.
template <class Configuration>
inline void MultiplyWord(const PackedTile<Configuration>& tile,
                         const ActivationWord<Configuration>& word, bool starts,
                         std::int32_t (&sums)[Configuration::kOutputParallel]) {
  HLS_INLINE
  const LaneWords<Configuration::kInputParallel> activations = PackLanes<Configuration>(word.lane);
  HLS_LABEL(multiply_pairs)
  for (std::uint32_t output = 0; output < Configuration::kOutputParallel; output += 2) {
    HLS_UNROLL
    const PairSum pair = PairDotProduct<Configuration::kMultiplierPortBits>(
        tile.row[output + 1], tile.row[output], activations);
    sums[output] = AddWrapping(starts ? 0 : sums[output], pair.low);
    sums[output + 1] = AddWrapping(starts ? 0 : sums[output + 1], pair.high);
  }
}

// Two int8 in one register.
inline std::int32_t PlaceOperand(std::int32_t held, std::int8_t operand, bool first) {
  HLS_INLINE
  const std::uint32_t bits = static_cast<std::uint8_t>(operand);
  return static_cast<std::int32_t>(first ? bits
                                         : (static_cast<std::uint32_t>(held) & 0xFF) | bits << 8);
}

inline std::int8_t FirstOperand(std::int32_t held) {
  HLS_INLINE
  return static_cast<std::int8_t>(static_cast<std::uint8_t>(held));
}

inline std::int8_t SecondOperand(std::int32_t held) {
  HLS_INLINE
  return static_cast<std::int8_t>(static_cast<std::uint8_t>(static_cast<std::uint32_t>(held) >> 8));
}

// Keeps the larger, or takes in an operand.
template <class Configuration>
inline void SelectWord(ExecuteMode mode, const ActivationWord<Configuration>& word, bool starts,
                       std::int32_t (&values)[Configuration::kOutputParallel]) {
  HLS_INLINE
  HLS_LABEL(select_channels)
  for (std::uint32_t channel = 0; channel < Configuration::kOutputParallel; ++channel) {
    HLS_UNROLL
    const std::int8_t held = static_cast<std::int8_t>(values[channel]);
    const std::int8_t larger = starts ? word.lane[channel] : PoolMaximum(held, word.lane[channel]);
    values[channel] = mode == ExecuteMode::kMaximum
                          ? larger
                          : PlaceOperand(values[channel], word.lane[channel], starts);
  }
}

// One clock of the array. `starts` says that this is the tile's first step.
template <class Configuration>
inline void ComputeStep(ExecuteMode mode, const PackedTile<Configuration>& weights,
                        const LineOfWords<Configuration>& words,
                        const LaneReads<Configuration>& reads, bool starts,
                        TileRegisters<Configuration>& tile) {
  HLS_INLINE
  HLS_LABEL(compute_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kPixelParallel; ++lane) {
    HLS_UNROLL
    if (reads.active[lane] && UsesWeights(mode)) {
      MultiplyWord<Configuration>(weights, words.word[lane], starts, tile.value[lane]);
    } else if (reads.active[lane]) {
      SelectWord<Configuration>(mode, words.word[lane], starts, tile.value[lane]);
    }
  }
}

}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_ARRAY_HPP_
