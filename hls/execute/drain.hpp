// Takes a finished tile from the array, V words a clock: requantise, add, multiply or clamp, look
// up, write.
#ifndef SLUICE_HLS_EXECUTE_DRAIN_HPP_
#define SLUICE_HLS_EXECUTE_DRAIN_HPP_

#include <cstdint>

#include "hls/elementwise/add.hpp"
#include "hls/elementwise/select.hpp"
#include "hls/execute/array.hpp"
#include "hls/execute/plan.hpp"
#include "hls/execute/tiles.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"
#include "hls/requantise/requantise.hpp"

namespace sluice {

// The tile that leaves. Its words move up by V places a clock, so the next ones are always first.
template <class Configuration>
struct Drain {
  TileRegisters<Configuration> tile;
  std::uint32_t line;
  std::uint32_t parameter_block;
  // Words that have left, and words that are to be written at all.
  std::uint32_t words_gone;
  std::uint32_t words;
  bool active;
};

// The words of one clock.
template <class Configuration>
struct DrainedWords {
  ActivationWord<Configuration> word[Configuration::kVectorParallel];
};

// Which banks the drain writes in this clock.
template <class Configuration>
struct BankWrites {
  bool enabled[Configuration::kPixelParallel];
};

template <class Configuration>
inline BankWrites<Configuration> NoWrites() {
  HLS_INLINE
  BankWrites<Configuration> writes;
  HLS_LABEL(no_writes)
  for (std::uint32_t bank = 0; bank < Configuration::kPixelParallel; ++bank) {
    HLS_UNROLL
    writes.enabled[bank] = false;
  }
  return writes;
}

// What CONVOLVE and MULTIPLY requantise. One requantiser a lane serves both.
inline std::int8_t ScaleValue(ExecuteMode mode, const FinishPlan& plan, const ChannelRecord& record,
                              std::int32_t value) {
  HLS_INLINE
  const bool multiplies = mode == ExecuteMode::kMultiply;
  const std::int32_t product = (FirstOperand(value) - plan.first_zero_point) *
                               (SecondOperand(value) - plan.second_zero_point);
  const std::int32_t sum = multiplies ? product : AddWrapping(value, record.bias);
  return Requantise(sum, multiplies ? plan.multiplier : record.multiplier,
                    multiplies ? plan.shift : record.shift, plan.output_zero_point, plan.minimum,
                    plan.maximum);
}

// One number to int8. `table` is this lane's copy: it is read at most twice, by ADD alone.
template <std::uint32_t TableWords>
inline std::int8_t FinishValue(ExecuteMode mode, const FinishPlan& plan,
                               const ChannelRecord& record, const std::int32_t (&table)[TableWords],
                               std::int32_t value) {
  HLS_INLINE
  const bool adds = mode == ExecuteMode::kAdd;
  const std::int8_t scaled =
      mode == ExecuteMode::kMaximum
          ? Clamp(static_cast<std::int8_t>(value), static_cast<std::int8_t>(plan.minimum),
                  static_cast<std::int8_t>(plan.maximum))
          : ScaleValue(mode, plan, record, value);
  const std::int32_t first =
      table[plan.first_table + TableIndex(adds ? FirstOperand(value) : scaled)];
  if (adds) {
    const std::int32_t second = table[plan.second_table + TableIndex(SecondOperand(value))];
    return AddTerms(first, second, plan.shift, plan.window, plan.output_zero_point, plan.minimum,
                    plan.maximum);
  }
  const std::int8_t looked_up = static_cast<std::int8_t>(static_cast<std::uint8_t>(first));
  return plan.uses_table ? looked_up : scaled;
}

// The first V words of the tile, finished.
template <class Configuration>
inline DrainedWords<Configuration> FinishWords(const ExecutePlan<Configuration>& plan,
                                               const Scratchpads<Configuration>& memories,
                                               const Drain<Configuration>& drain) {
  HLS_INLINE
  constexpr std::uint32_t kChannels = Configuration::kOutputParallel;
  DrainedWords<Configuration> drained;
  HLS_LABEL(finish_words)
  for (std::uint32_t word = 0; word < Configuration::kVectorParallel; ++word) {
    HLS_UNROLL
    std::int8_t lanes[kChannels];
    HLS_PARTITION(lanes, 0)
    HLS_LABEL(finish_channels)
    for (std::uint32_t channel = 0; channel < kChannels; ++channel) {
      HLS_UNROLL
      lanes[channel] = FinishValue(
          plan.mode, plan.finish, UnpackRecord(memories.parameter[drain.parameter_block][channel]),
          memories.table[word * kChannels + channel], drain.tile.value[word][channel]);
    }
    CopyLanes(PackLanes(lanes), drained.word[word]);
  }
  return drained;
}

// Writes at most one word of each bank: the second port of the activation memory.
template <class Configuration>
inline BankWrites<Configuration> WriteWords(const Drain<Configuration>& drain,
                                            const DrainedWords<Configuration>& drained,
                                            Scratchpads<Configuration>& memories) {
  HLS_INLINE
  constexpr std::uint32_t kWords = Configuration::kVectorParallel;
  BankWrites<Configuration> writes;
  HLS_LABEL(write_banks)
  for (std::uint32_t bank = 0; bank < Configuration::kPixelParallel; ++bank) {
    HLS_UNROLL
    const bool leaves = drain.words_gone == bank / kWords * kWords;
    writes.enabled[bank] = drain.active && leaves && bank < drain.words;
    if (writes.enabled[bank]) {
      CopyLanes(drained.word[bank % kWords], memories.activation[bank][drain.line]);
    }
  }
  return writes;
}

// Moves the words up by V.
template <class Configuration>
inline void ShiftWords(Drain<Configuration>& drain) {
  HLS_INLINE
  constexpr std::uint32_t kWords = Configuration::kVectorParallel;
  constexpr std::uint32_t kKept = Configuration::kPixelParallel - kWords;
  HLS_LABEL(shift_words)
  for (std::uint32_t word = 0; word < kKept; ++word) {
    HLS_UNROLL
    HLS_LABEL(shift_channels)
    for (std::uint32_t channel = 0; channel < Configuration::kOutputParallel; ++channel) {
      HLS_UNROLL
      drain.tile.value[word][channel] = drain.tile.value[word + kWords][channel];
    }
  }
}

// One clock of the drain; the banks that it wrote.
template <class Configuration>
inline BankWrites<Configuration> DrainStep(const ExecutePlan<Configuration>& plan,
                                           Drain<Configuration>& drain,
                                           Scratchpads<Configuration>& memories) {
  HLS_INLINE
  if (!drain.active) return NoWrites<Configuration>();
  const DrainedWords<Configuration> drained = FinishWords<Configuration>(plan, memories, drain);
  const BankWrites<Configuration> writes = WriteWords<Configuration>(drain, drained, memories);
  ShiftWords<Configuration>(drain);
  drain.words_gone += Configuration::kVectorParallel;
  drain.active = drain.words_gone < Configuration::kPixelParallel;
  return writes;
}

// Hands the tile over from the array.
template <class Configuration>
inline void FillDrain(const ExecutePlan<Configuration>& plan,
                      const TileRegisters<Configuration>& tile, const TileCursor& cursor,
                      std::uint32_t line, Drain<Configuration>& drain) {
  HLS_INLINE
  drain.tile = tile;
  drain.line = line;
  // Only CONVOLVE has parameters, and no more blocks than there are.
  drain.parameter_block = UsesWeights(plan.mode) ? plan.finish.parameter_address + cursor.block : 0;
  drain.words_gone = 0;
  drain.words = cursor.columns_left;
  drain.active = true;
}

}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_DRAIN_HPP_
