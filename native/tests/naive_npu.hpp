// A whole program evaluated as hls/isa/README.md writes it, in program order: what the functional
// simulator is compared with.
#ifndef SLUICE_NATIVE_TESTS_NAIVE_NPU_HPP_
#define SLUICE_NATIVE_TESTS_NAIVE_NPU_HPP_

#include <cstdint>
#include <vector>

#include "hls/execute/reference.hpp"
#include "hls/isa/geometry.hpp"
#include "hls/reference_memories.hpp"
#include "native/core/device.hpp"

namespace sluice::testing {

using RegionBytes = std::vector<std::uint8_t>;

// The off-chip memory of a run.
struct NaiveRegions {
  RegionBytes weights;
  RegionBytes input;
  RegionBytes output;
  RegionBytes arena;

  RegionBytes& Of(std::uint32_t region) {
    switch (static_cast<isa::Region>(region)) {
      case isa::Region::kWeights:
        return weights;
      case isa::Region::kInput:
        return input;
      case isa::Region::kOutput:
        return output;
      case isa::Region::kArena:
        break;
    }
    return arena;
  }
};

inline std::int32_t WordAt(const RegionBytes& bytes, std::size_t at) {
  std::uint32_t word = 0;
  for (std::size_t byte = 0; byte < 4; ++byte)
    word |= std::uint32_t{bytes.at(at + byte)} << 8 * byte;
  return static_cast<std::int32_t>(word);
}

inline void MoveActivations(reference::Memories& memories, const isa::Transfer& f, bool is_store,
                            RegionBytes& region) {
  for (std::size_t b = 0; b < f.blocks; ++b) {
    for (std::size_t r = 0; r < f.rows; ++r) {
      for (std::size_t x = 0; x < f.columns; ++x) {
        for (std::size_t lane = 0; lane < memories.width; ++lane) {
          const std::size_t beat =
              f.dram_offset + b * f.dram_block_pitch + r * f.dram_row_pitch + x;
          std::uint8_t& byte = region.at(beat * memories.width + lane);
          std::int8_t& pixel =
              memories.Pixel(f.address + b * f.block_pitch + r * f.row_pitch, x, lane);
          if (is_store) {
            byte = static_cast<std::uint8_t>(pixel);
          } else {
            pixel = static_cast<std::int8_t>(byte);
          }
        }
      }
    }
  }
}

// LOAD to another memory than ACTIVATION.
inline void LoadItems(reference::Memories& memories, const isa::Transfer& f,
                      const RegionBytes& region) {
  const std::size_t width = memories.width;
  const std::size_t first = f.dram_offset * width;
  switch (static_cast<isa::Memory>(f.memory)) {
    case isa::Memory::kWeight:
      for (std::size_t i = 0; i < f.rows * width * width; ++i) {
        memories.weight.at(f.address * width * width + i) =
            static_cast<std::int8_t>(region.at(first + i));
      }
      return;
    case isa::Memory::kParameter:
      for (std::size_t i = 0; i < f.rows * width; ++i) {
        const auto upper = static_cast<std::uint32_t>(WordAt(region, first + i * 8 + 4));
        memories.parameter.at(f.address * width + i) =
            ChannelRecord{WordAt(region, first + i * 8), upper & 0xFFFFFF, upper >> 24 & 63};
      }
      return;
    case isa::Memory::kTable:
      for (std::size_t i = 0; i < f.rows * isa::kTableEntries; ++i) {
        memories.table.at(f.address * isa::kTableEntries + i) = WordAt(region, first + i * 4);
      }
      return;
    case isa::Memory::kActivation:
      return;
  }
}

template <class Configuration>
void CountNaively(const isa::InstructionWords& words, isa::Operation operation,
                  Counters* counters) {
  isa::Walk walk{};
  if (operation == isa::Operation::kConvolve) {
    walk = isa::WalkOf<Configuration>(isa::DecodeConvolution(words));
  } else if (operation == isa::Operation::kPool) {
    walk = isa::WalkOf<Configuration>(isa::DecodePool(words));
  } else if (operation == isa::Operation::kAdd) {
    walk = isa::WalkOf<Configuration>(isa::DecodeAddition(words));
  } else {
    walk = isa::WalkOf<Configuration>(isa::DecodeMultiplication(words));
  }
  counters->execute_cycles += isa::ExecuteClocks<Configuration>(walk);
  counters->multiply_accumulates += walk.tiles * walk.steps * walk.products_a_step;
}

// Runs the instructions one after the other; FINISH ends.
template <class Configuration>
Counters RunNaively(const std::vector<isa::InstructionWords>& instructions, NaiveRegions& regions) {
  reference::Memories memories = reference::EmptyMemories<Configuration>();
  Counters counters;
  for (const isa::InstructionWords& words : instructions) {
    ++counters.instructions;
    const auto operation = static_cast<isa::Operation>(isa::DecodeHeader(words).operation);
    if (operation == isa::Operation::kFinish) break;
    if (operation != isa::Operation::kLoad && operation != isa::Operation::kStore) {
      reference::Execute(memories, words);
      CountNaively<Configuration>(words, operation, &counters);
      continue;
    }
    const isa::Transfer fields = isa::DecodeTransfer(words);
    const bool is_store = operation == isa::Operation::kStore;
    RegionBytes& region = regions.Of(fields.region);
    if (static_cast<isa::Memory>(fields.memory) == isa::Memory::kActivation) {
      MoveActivations(memories, fields, is_store, region);
    } else {
      LoadItems(memories, fields, region);
    }
    const std::uint64_t bytes = isa::TransferBeats<Configuration>(fields) * memories.width;
    (is_store ? counters.bytes_stored : counters.bytes_loaded) += bytes;
  }
  return counters;
}

}  // namespace sluice::testing

#endif  // SLUICE_NATIVE_TESTS_NAIVE_NPU_HPP_
