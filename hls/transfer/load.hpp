// The LOAD unit: bursts of one beat a clock from a region to whoever owns the memories.
#ifndef SLUICE_HLS_TRANSFER_LOAD_HPP_
#define SLUICE_HLS_TRANSFER_LOAD_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"
#include "hls/transfer/beats.hpp"

namespace sluice {

// A sink that is the memories themselves.
template <class Configuration>
struct MemorySink {
  Scratchpads<Configuration>& memories;

  void Put(const LoadedBeat<Configuration>& loaded) {
    HLS_INLINE
    WriteBeat<Configuration>(loaded, memories);
  }
};

// One row: `count` neighbouring beats. A region's loop is a function of its own, so that no
// compiler joins two of them to one loop with a chosen pointer, and each can become a burst.
template <class Configuration, isa::Region Source, class Sink>
void LoadRow(const Beat<Configuration>* source, std::uint32_t count, isa::Memory memory,
             std::uint32_t first_address, Sink& sink) {
  const std::uint32_t last_index = BeatsPerAddress<Configuration>(memory) - 1;
  std::uint32_t address = first_address;
  std::uint32_t index = 0;
  HLS_LABEL(load_beats)
  for (std::uint32_t beat = 0; beat < count; ++beat) {
    HLS_PIPELINE(1)
    sink.Put(LoadedBeat<Configuration>{memory, address, index, source[beat]});
    const bool full = index == last_index;
    address += full ? 1 : 0;
    index = full ? 0 : index + 1;
  }
}

// `count` beats of tables. Each stays for as many clocks as it has entries.
template <class Configuration, class Sink>
void LoadTables(const Beat<Configuration>* source, std::uint32_t count, std::uint32_t first_address,
                Sink& sink) {
  std::uint32_t address = first_address;
  std::uint32_t index = 0;
  HLS_LABEL(load_tables)
  for (std::uint32_t beat = 0; beat < count; ++beat) {
    HLS_PIPELINE(EntriesOfBeat<Configuration>())
    const Beat<Configuration> entries = source[beat];
    HLS_LABEL(load_entries)
    for (std::uint32_t entry = 0; entry < EntriesOfBeat<Configuration>(); ++entry) {
      HLS_UNROLL
      sink.Put(LoadedBeat<Configuration>{isa::Memory::kTable, address, index + entry, entries});
    }
    const bool full = index + EntriesOfBeat<Configuration>() == isa::kTableEntries;
    address += full ? 1 : 0;
    index = full ? 0 : index + EntriesOfBeat<Configuration>();
  }
}

// A row from the instruction's region; tables come from the weights alone.
template <class Configuration, class Sink>
void LoadRowFrom(isa::Region region, std::uint64_t offset, std::uint32_t count, isa::Memory memory,
                 std::uint32_t address, const Beat<Configuration>* weights,
                 const Beat<Configuration>* input, const Beat<Configuration>* arena, Sink& sink) {
  HLS_INLINE
  if (memory == isa::Memory::kTable) {
    LoadTables<Configuration>(weights + offset, count, address, sink);
  } else if (region == isa::Region::kWeights) {
    LoadRow<Configuration, isa::Region::kWeights>(weights + offset, count, memory, address, sink);
  } else if (region == isa::Region::kInput) {
    LoadRow<Configuration, isa::Region::kInput>(input + offset, count, memory, address, sink);
  } else {
    LoadRow<Configuration, isa::Region::kArena>(arena + offset, count, memory, address, sink);
  }
}

// One LOAD. Addresses are the caller's to check.
template <class Configuration, class Sink>
void Load(const isa::Transfer& fields, const Beat<Configuration>* weights,
          const Beat<Configuration>* input, const Beat<Configuration>* arena, Sink& sink) {
  const isa::Memory memory = static_cast<isa::Memory>(fields.memory);
  const isa::Region region = static_cast<isa::Region>(fields.region);
  // Tiles, channel blocks and slots follow each other, so all of them are one row.
  const bool activations = memory == isa::Memory::kActivation;
  const std::uint32_t rows = activations ? fields.rows : 1;
  const std::uint32_t beats =
      activations ? fields.columns : fields.rows * isa::BeatsPerItem<Configuration>(memory);
  std::uint64_t block_offset = fields.dram_offset;
  std::uint32_t block_address = fields.address;
  HLS_LABEL(load_blocks)
  for (std::uint32_t block = 0; block < fields.blocks; ++block) {
    std::uint64_t offset = block_offset;
    std::uint32_t address = block_address;
    HLS_LABEL(load_rows)
    for (std::uint32_t row = 0; row < rows; ++row) {
      LoadRowFrom<Configuration>(region, offset, beats, memory, address, weights, input, arena,
                                 sink);
      offset += fields.dram_row_pitch;
      address += fields.row_pitch;
    }
    block_offset += fields.dram_block_pitch;
    block_address += fields.block_pitch;
  }
}

}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_LOAD_HPP_
