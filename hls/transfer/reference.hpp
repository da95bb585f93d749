// LOAD and STORE as hls/isa/README.md writes them: plain loops over bytes.
#ifndef SLUICE_HLS_TRANSFER_REFERENCE_HPP_
#define SLUICE_HLS_TRANSFER_REFERENCE_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/isa/generated/decode.hpp"
#include "hls/reference_memories.hpp"

namespace sluice {
namespace reference {

using Bytes = std::vector<std::uint8_t>;

// The bytes of the four regions.
struct Regions {
  Bytes weights;
  Bytes input;
  Bytes output;
  Bytes arena;
};

inline Bytes& RegionOf(Regions& regions, std::uint32_t region) {
  Bytes* const all[] = {&regions.weights, &regions.input, &regions.output, &regions.arena};
  return *all[region];
}

// Calls `copy` with each word's first byte in the region, line, bank and lane.
template <class Copy>
void ForEachByte(const Memories& memories, const isa::Transfer& f, Copy copy) {
  for (std::size_t b = 0; b < f.blocks; ++b) {
    for (std::size_t r = 0; r < f.rows; ++r) {
      for (std::size_t x = 0; x < f.columns; ++x) {
        const std::size_t beat = f.dram_offset + b * f.dram_block_pitch + r * f.dram_row_pitch + x;
        const std::size_t line = f.address + b * f.block_pitch + r * f.row_pitch;
        for (std::size_t lane = 0; lane < memories.width; ++lane) {
          copy(beat * memories.width + lane, line, x, lane);
        }
      }
    }
  }
}

inline std::uint32_t Word(const Bytes& bytes, std::size_t first) {
  std::uint32_t word = 0;
  for (std::size_t byte = 4; byte > 0; --byte) word = word * 256 + bytes.at(first + byte - 1);
  return word;
}

inline void LoadWeights(Memories& memories, const isa::Transfer& f, const Bytes& bytes) {
  const std::size_t first = std::size_t{f.dram_offset} * memories.width;
  const std::size_t size = memories.width * memories.width;
  for (std::size_t index = 0; index < f.rows * size; ++index) {
    memories.weight.at(f.address * size + index) =
        static_cast<std::int8_t>(bytes.at(first + index));
  }
}

inline void LoadParameters(Memories& memories, const isa::Transfer& f, const Bytes& bytes) {
  for (std::size_t index = 0; index < f.rows * memories.width; ++index) {
    const std::size_t first = f.dram_offset * memories.width + index * 8;
    const std::uint32_t scale = Word(bytes, first + 4);
    memories.parameter.at(f.address * memories.width + index) = ChannelRecord{
        static_cast<std::int32_t>(Word(bytes, first)), scale % (1u << 24), scale / (1u << 24) % 64};
  }
}

inline void LoadTables(Memories& memories, const isa::Transfer& f, const Bytes& bytes) {
  for (std::size_t index = 0; index < std::size_t{f.rows} * isa::kTableEntries; ++index) {
    memories.Table(f.address, index) =
        static_cast<std::int32_t>(Word(bytes, f.dram_offset * memories.width + index * 4));
  }
}

inline void Load(Memories& memories, const isa::Transfer& f, Regions& regions) {
  const Bytes& bytes = RegionOf(regions, f.region);
  switch (static_cast<isa::Memory>(f.memory)) {
    case isa::Memory::kActivation:
      return ForEachByte(memories, f,
                         [&](std::size_t byte, std::size_t line, std::size_t x, std::size_t lane) {
                           memories.Pixel(line, x, lane) = static_cast<std::int8_t>(bytes.at(byte));
                         });
    case isa::Memory::kWeight:
      return LoadWeights(memories, f, bytes);
    case isa::Memory::kParameter:
      return LoadParameters(memories, f, bytes);
    case isa::Memory::kTable:
      return LoadTables(memories, f, bytes);
  }
}

inline void Store(Memories& memories, const isa::Transfer& f, Regions& regions) {
  Bytes& bytes = RegionOf(regions, f.region);
  ForEachByte(memories, f,
              [&](std::size_t byte, std::size_t line, std::size_t x, std::size_t lane) {
                bytes.at(byte) = static_cast<std::uint8_t>(memories.Pixel(line, x, lane));
              });
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_REFERENCE_HPP_
