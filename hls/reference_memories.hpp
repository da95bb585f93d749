// On-chip memories of any configuration's sizes, for the naive references of the units.
#ifndef SLUICE_HLS_REFERENCE_MEMORIES_HPP_
#define SLUICE_HLS_REFERENCE_MEMORIES_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/isa/generated/instructions.hpp"
#include "hls/memories.hpp"

namespace sluice {
namespace reference {

// Addresses are checked by at(): a unit or a test that leaves a memory ends the test.
struct Memories {
  std::size_t width;   // W
  std::size_t pixels;  // P
  std::vector<std::int8_t> activation;
  std::vector<std::int8_t> weight;
  std::vector<ChannelRecord> parameter;
  std::vector<std::int32_t> table;

  std::int8_t& Activation(std::size_t line, std::size_t word, std::size_t lane) {
    return activation.at((line * pixels + word) * width + lane);
  }
  std::int8_t& Weight(std::size_t tile, std::size_t output, std::size_t input) {
    return weight.at((tile * width + output) * width + input);
  }
  std::int32_t& Table(std::size_t slot, std::size_t entry) {
    return table.at(slot * isa::kTableEntries + entry);
  }
  // Column x of a row that starts at `line`.
  std::int8_t& Pixel(std::size_t line, std::size_t x, std::size_t lane) {
    return Activation(line + x / pixels, x % pixels, lane);
  }
};

template <class Configuration>
Memories EmptyMemories() {
  constexpr std::size_t kWidth = Configuration::kInputParallel;
  constexpr std::size_t kPixels = Configuration::kPixelParallel;
  return Memories{
      kWidth,
      kPixels,
      std::vector<std::int8_t>(std::size_t{Configuration::kActivationLines} * kPixels * kWidth),
      std::vector<std::int8_t>(std::size_t{Configuration::kWeightTiles} * kWidth * kWidth),
      std::vector<ChannelRecord>(std::size_t{Configuration::kParameterBlocks} * kWidth),
      std::vector<std::int32_t>(std::size_t{Configuration::kTableSlots} * isa::kTableEntries)};
}

// What the units' memories hold; every copy of the tables must be the same.
template <class Configuration>
Memories CopyMemories(const Scratchpads<Configuration>& from) {
  Memories to = EmptyMemories<Configuration>();
  for (std::size_t line = 0; line < Configuration::kActivationLines; ++line) {
    for (std::size_t bank = 0; bank < to.pixels; ++bank) {
      for (std::size_t lane = 0; lane < to.width; ++lane) {
        to.Activation(line, bank, lane) =
            LaneOf(from.activation[bank][line], static_cast<std::uint32_t>(lane));
      }
    }
  }
  for (std::size_t tile = 0; tile < Configuration::kWeightTiles; ++tile) {
    for (std::size_t output = 0; output < to.width; ++output) {
      for (std::size_t input = 0; input < to.width; ++input) {
        to.Weight(tile, output, input) =
            LaneOf(from.weight[output][tile], static_cast<std::uint32_t>(input));
      }
    }
  }
  for (std::size_t index = 0; index < to.parameter.size(); ++index) {
    to.parameter[index] = UnpackRecord(from.parameter[index / to.width][index % to.width]);
  }
  for (std::size_t word = 0; word < to.table.size(); ++word) to.table[word] = from.table[0][word];
  return to;
}

inline bool SameRecord(const ChannelRecord& left, const ChannelRecord& right) {
  return left.bias == right.bias && left.multiplier == right.multiplier &&
         left.shift == right.shift;
}

inline bool SameMemories(const Memories& left, const Memories& right) {
  bool same = left.activation == right.activation && left.weight == right.weight &&
              left.table == right.table && left.parameter.size() == right.parameter.size();
  for (std::size_t index = 0; same && index < left.parameter.size(); ++index) {
    same = SameRecord(left.parameter[index], right.parameter[index]);
  }
  return same;
}

// Whether all copies of the tables hold the same.
template <class Configuration>
bool TableCopiesAgree(const Scratchpads<Configuration>& memories) {
  for (std::uint32_t copy = 1; copy < Scratchpads<Configuration>::kTableCopies; ++copy) {
    for (std::uint32_t word = 0; word < Scratchpads<Configuration>::kTableWords; ++word) {
      if (memories.table[copy][word] != memories.table[0][word]) return false;
    }
  }
  return true;
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_REFERENCE_MEMORIES_HPP_
