#include "native/devices/simulator/transfers.hpp"

#include <cstddef>

#include "hls/isa/geometry.hpp"

namespace sluice::simulator {
namespace {

// Calls `move(line, beat, bytes)` for each row of an ACTIVATION transfer.
template <class Move>
void ForEachRow(const isa::Transfer& fields, std::size_t beat_bytes, const std::atomic<bool>& stop,
                const Move& move) {
  for (std::size_t block = 0; block < fields.blocks; ++block) {
    for (std::size_t row = 0; row < fields.rows; ++row) {
      if (stop.load(std::memory_order_relaxed)) return;
      const std::size_t line = fields.address + block * fields.block_pitch + row * fields.row_pitch;
      const std::size_t beat =
          fields.dram_offset + block * fields.dram_block_pitch + row * fields.dram_row_pitch;
      move(line, beat * beat_bytes, fields.columns * beat_bytes);
    }
  }
}

std::span<const std::uint8_t> ReadableRegion(const Regions& regions, std::uint32_t region) {
  switch (static_cast<isa::Region>(region)) {
    case isa::Region::kWeights:
      return regions.weights;
    case isa::Region::kInput:
      return regions.input;
    case isa::Region::kArena:
      return regions.arena;
    case isa::Region::kOutput:
      break;
  }
  return {};
}

}  // namespace

RegionBeats Regions::Beats(std::size_t beat_bytes) const {
  return RegionBeats{weights.size() / beat_bytes, input.size() / beat_bytes,
                     output.size() / beat_bytes, arena.size() / beat_bytes};
}

void RunLoad(const isa::Transfer& fields, const Regions& regions, const Kernels& kernels,
             const std::atomic<bool>& stop, Scratchpads& memory) {
  const std::size_t beat_bytes = memory.word_bytes();
  const std::uint8_t* from = ReadableRegion(regions, fields.region).data();
  const auto kind = static_cast<isa::Memory>(fields.memory);
  if (kind == isa::Memory::kActivation) {
    ForEachRow(fields, beat_bytes, stop, [&](std::size_t line, std::size_t at, std::size_t bytes) {
      kernels.flip(from + at, memory.Line(line), bytes);
    });
    return;
  }
  const std::uint8_t* item = from + std::size_t{fields.dram_offset} * beat_bytes;
  for (std::size_t i = 0; i < fields.rows; ++i) {
    const std::size_t address = fields.address + i;
    if (kind == isa::Memory::kWeight) {
      memory.SetTile(address, item);
      item += memory.tile_bytes();
    } else if (kind == isa::Memory::kParameter) {
      memory.SetParameters(address, item);
      item += isa::kParameterRecordBytes * beat_bytes;
    } else {
      memory.SetTable(address, item);
      item += isa::kTableBytes;
    }
  }
}

void RunStore(const isa::Transfer& fields, const Regions& regions, const Kernels& kernels,
              const std::atomic<bool>& stop, Scratchpads& memory) {
  const bool to_output = static_cast<isa::Region>(fields.region) == isa::Region::kOutput;
  std::uint8_t* to = to_output ? regions.output.data() : regions.arena.data();
  ForEachRow(fields, memory.word_bytes(), stop,
             [&](std::size_t line, std::size_t at, std::size_t bytes) {
               kernels.flip(memory.Line(line), to + at, bytes);
             });
}

}  // namespace sluice::simulator
