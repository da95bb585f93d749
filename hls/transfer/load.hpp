// The LOAD unit: bursts of one beat a clock from a region to whoever owns the memories.
#ifndef SLUICE_HLS_TRANSFER_LOAD_HPP_
#define SLUICE_HLS_TRANSFER_LOAD_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"
#include "hls/transfer/beats.hpp"

namespace sluice {

// Puts beats into the memories themselves. A Sink holds nothing: where the beats go is an argument
// of every function, because no hardware keeps a reference.
struct MemorySink {
  template <class Configuration>
  static void Put(const LoadedBeat<Configuration>& loaded, Scratchpads<Configuration>& memories) {
    HLS_INLINE
    WriteBeat<Configuration>(loaded, memories);
  }
};

// One row: `count` neighbouring beats. A region's loop is a function of its own, so that no
// compiler joins two of them to one loop with a chosen pointer, and each can become a burst.
template <class Configuration, class Sink, isa::Region Source, class Goal>
void LoadRow(const Beat<Configuration>* source, std::uint32_t count, isa::Memory memory,
             std::uint32_t first_address, Goal& goal) {
  const std::uint32_t last_index = BeatsPerAddress<Configuration>(memory) - 1;
  std::uint32_t address = first_address;
  std::uint32_t index = 0;
  HLS_LABEL(load_beats)
  for (std::uint32_t beat = 0; beat < count; ++beat) {
    HLS_PIPELINE(1)
    Sink::Put(LoadedBeatOf<Configuration>(memory, address, index, source[beat]), goal);
    const bool full = index == last_index;
    address += full ? 1 : 0;
    index = full ? 0 : index + 1;
  }
}

// `count` beats of tables. Each stays for as many clocks as it has entries.
template <class Configuration, class Sink, class Goal>
void LoadTables(const Beat<Configuration>* source, std::uint32_t count, std::uint32_t first_address,
                Goal& goal) {
  constexpr std::uint32_t kEntries = EntriesOfBeat<Configuration>();
  std::uint32_t address = first_address;
  std::uint32_t index = 0;
  HLS_LABEL(load_tables)
  for (std::uint32_t beat = 0; beat < count; ++beat) {
    HLS_PIPELINE(kEntries)
    Beat<Configuration> entries;
    CopyLanes(source[beat], entries);
    HLS_LABEL(load_entries)
    for (std::uint32_t entry = 0; entry < kEntries; ++entry) {
      HLS_UNROLL
      Sink::Put(LoadedBeatOf<Configuration>(isa::Memory::kTable, address, index + entry, entries),
                goal);
    }
    const bool full = index + kEntries == isa::kTableEntries;
    address += full ? 1 : 0;
    index = full ? 0 : index + kEntries;
  }
}

// A row from the instruction's region; tables come from the weights alone.
template <class Configuration, class Sink, class Goal>
void LoadRowFrom(isa::Region region, std::uint64_t offset, std::uint32_t count, isa::Memory memory,
                 std::uint32_t address, const Beat<Configuration>* weights,
                 const Beat<Configuration>* input, const Beat<Configuration>* arena, Goal& goal) {
  HLS_INLINE
  if (memory == isa::Memory::kTable) {
    LoadTables<Configuration, Sink>(weights + offset, count, address, goal);
  } else if (region == isa::Region::kWeights) {
    LoadRow<Configuration, Sink, isa::Region::kWeights>(weights + offset, count, memory, address,
                                                        goal);
  } else if (region == isa::Region::kInput) {
    LoadRow<Configuration, Sink, isa::Region::kInput>(input + offset, count, memory, address, goal);
  } else {
    LoadRow<Configuration, Sink, isa::Region::kArena>(arena + offset, count, memory, address, goal);
  }
}

// One LOAD. Addresses are the caller's to check.
template <class Configuration, class Sink, class Goal>
void LoadInto(const isa::Transfer& fields, const Beat<Configuration>* weights,
              const Beat<Configuration>* input, const Beat<Configuration>* arena, Goal& goal) {
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
      LoadRowFrom<Configuration, Sink>(region, offset, beats, memory, address, weights, input,
                                       arena, goal);
      offset += fields.dram_row_pitch;
      address += fields.row_pitch;
    }
    block_offset += fields.dram_block_pitch;
    block_address += fields.block_pitch;
  }
}

// The same into the memories themselves.
template <class Configuration>
void Load(const isa::Transfer& fields, const Beat<Configuration>* weights,
          const Beat<Configuration>* input, const Beat<Configuration>* arena,
          Scratchpads<Configuration>& memories) {
  HLS_INLINE
  LoadInto<Configuration, MemorySink>(fields, weights, input, arena, memories);
}

}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_LOAD_HPP_
