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

// The weights of a step: a row for each output lane.
template <class Configuration>
struct WeightTile {
  WeightRow<Configuration> row[Configuration::kOutputParallel];
};

// One read of each row's memory.
template <class Configuration>
inline WeightTile<Configuration> ReadWeights(const Scratchpads<Configuration>& memories,
                                             std::uint32_t tile) {
  HLS_INLINE
  WeightTile<Configuration> weights;
  HLS_LABEL(read_rows)
  for (std::uint32_t row = 0; row < Configuration::kOutputParallel; ++row) {
    HLS_UNROLL
    CopyLanes(memories.weight[row][tile], weights.row[row]);
  }
  return weights;
}

// One row of a tile: a multiplexer, not an address.
template <class Configuration>
inline WeightRow<Configuration> RowOf(const WeightTile<Configuration>& tile, std::uint32_t wanted) {
  HLS_INLINE
  WeightRow<Configuration> selected;
  CopyLanes(tile.row[0], selected);
  HLS_LABEL(select_row)
  for (std::uint32_t row = 1; row < Configuration::kOutputParallel; ++row) {
    HLS_UNROLL
    HLS_LABEL(select_row_words)
    for (std::uint32_t part = 0; part < WeightRow<Configuration>::kWords; ++part) {
      HLS_UNROLL
      const std::uint64_t candidate = tile.row[row].word[part];
      const std::uint64_t held = selected.word[part];
      selected.word[part] = wanted == row ? candidate : held;
    }
  }
  return selected;
}

// The tile as it stands, or, depthwise, one row of it along the diagonal: then each output lane
// multiplies with its own input lane alone.
template <class Configuration>
inline WeightTile<Configuration> SelectWeights(const WeightTile<Configuration>& tile,
                                               bool depthwise, std::uint32_t row) {
  HLS_INLINE
  const WeightRow<Configuration> taps = RowOf<Configuration>(tile, row);
  WeightTile<Configuration> selected;
  HLS_LABEL(select_outputs)
  for (std::uint32_t output = 0; output < Configuration::kOutputParallel; ++output) {
    HLS_UNROLL
    HLS_LABEL(select_inputs)
    for (std::uint32_t part = 0; part < WeightRow<Configuration>::kWords; ++part) {
      HLS_UNROLL
      const std::uint64_t lane = std::uint64_t{0xFF} << output % kWordLanes * 8;
      const std::uint64_t diagonal = part == output / kWordLanes ? taps.word[part] & lane : 0;
      const std::uint64_t dense = tile.row[output].word[part];
      selected.row[output].word[part] = depthwise ? diagonal : dense;
    }
  }
  return selected;
}

// Adds a word's dot products with all output lanes to the sums, or starts them.
template <class Configuration>
inline void MultiplyWord(const WeightTile<Configuration>& tile,
                         const ActivationWord<Configuration>& word, bool starts,
                         std::int32_t (&sums)[Configuration::kOutputParallel]) {
  HLS_INLINE
  HLS_LABEL(multiply_pairs)
  for (std::uint32_t output = 0; output < Configuration::kOutputParallel; output += 2) {
    HLS_UNROLL
    const PairSum pair = PairDotProduct<Configuration::kMultiplierPortBits>(tile.row[output + 1],
                                                                            tile.row[output], word);
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
    const std::int8_t lane = LaneOf(word, channel);
    const std::int8_t held = static_cast<std::int8_t>(values[channel]);
    const std::int8_t larger = starts ? lane : PoolMaximum(held, lane);
    values[channel] =
        mode == ExecuteMode::kMaximum ? larger : PlaceOperand(values[channel], lane, starts);
  }
}

// One clock of the array. `starts` says that this is the tile's first step.
template <class Configuration>
inline void ComputeStep(ExecuteMode mode, const WeightTile<Configuration>& weights,
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
