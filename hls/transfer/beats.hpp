// What a beat of the memory bus means to each on-chip memory.
#ifndef SLUICE_HLS_TRANSFER_BEATS_HPP_
#define SLUICE_HLS_TRANSFER_BEATS_HPP_

#include <cstdint>

#include "hls/isa/geometry.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"

namespace sluice {

// A beat on its way into a memory: `index` is its bank (ACTIVATION), its place within the tile or
// channel block, or the entry of the slot that it brings (TABLE).
template <class Configuration>
struct LoadedBeat {
  isa::Memory memory;
  std::uint32_t address;
  std::uint32_t index;
  Beat<Configuration> beat;
};

template <class Configuration>
inline LoadedBeat<Configuration> LoadedBeatOf(isa::Memory memory, std::uint32_t address,
                                              std::uint32_t index,
                                              const Beat<Configuration>& beat) {
  HLS_INLINE
  LoadedBeat<Configuration> loaded;
  loaded.memory = memory;
  loaded.address = address;
  loaded.index = index;
  CopyLanes(beat, loaded.beat);
  return loaded;
}

// Beats of one line, tile or channel block.
template <class Configuration>
inline std::uint32_t BeatsPerAddress(isa::Memory memory) {
  HLS_INLINE
  return memory == isa::Memory::kActivation ? Configuration::kPixelParallel
                                            : isa::BeatsPerItem<Configuration>(memory);
}

// One bank, so that every bank keeps a port of its own.
template <class Configuration>
inline void WriteActivation(const LoadedBeat<Configuration>& loaded,
                            Scratchpads<Configuration>& memories) {
  HLS_INLINE
  HLS_LABEL(write_activation_banks)
  for (std::uint32_t bank = 0; bank < Configuration::kPixelParallel; ++bank) {
    HLS_UNROLL
    if (loaded.index == bank) {
      CopyLanes(loaded.beat, memories.activation[bank][loaded.address]);
    }
  }
}

// One output lane's row of a tile, each in a memory of its own.
template <class Configuration>
inline void WriteWeights(const LoadedBeat<Configuration>& loaded,
                         Scratchpads<Configuration>& memories) {
  HLS_INLINE
  HLS_LABEL(write_weight_rows)
  for (std::uint32_t row = 0; row < Configuration::kOutputParallel; ++row) {
    HLS_UNROLL
    if (loaded.index == row) CopyLanes(loaded.beat, memories.weight[row][loaded.address]);
  }
}

// The records of a beat, one a word.
template <class Configuration>
inline void WriteParameters(const LoadedBeat<Configuration>& loaded,
                            Scratchpads<Configuration>& memories) {
  HLS_INLINE
  constexpr std::uint32_t kRecords = Configuration::kInputParallel / isa::kParameterRecordBytes;
  static_assert(kRecords == Beat<Configuration>::kWords, "a word of a beat is a record");
  HLS_LABEL(write_records)
  for (std::uint32_t channel = 0; channel < Configuration::kOutputParallel; ++channel) {
    HLS_UNROLL
    if (loaded.index == channel / kRecords) {
      memories.parameter[loaded.address][channel] =
          loaded.beat.word[channel % kRecords] & kRecordMask;
    }
  }
}

// Entries of a table in a beat.
template <class Configuration>
constexpr std::uint32_t EntriesOfBeat() {
  return Configuration::kInputParallel / 4;
}

// One entry of a beat into every copy of the tables, whose memories take one a clock.
template <class Configuration>
inline void WriteTables(const LoadedBeat<Configuration>& loaded,
                        Scratchpads<Configuration>& memories) {
  HLS_INLINE
  const std::uint32_t wanted = loaded.index % EntriesOfBeat<Configuration>();
  std::uint32_t bits = Word32Of(loaded.beat, 0);
  HLS_LABEL(select_entry)
  for (std::uint32_t entry = 1; entry < EntriesOfBeat<Configuration>(); ++entry) {
    HLS_UNROLL
    bits = entry == wanted ? Word32Of(loaded.beat, 4 * entry) : bits;
  }
  HLS_LABEL(write_table_copies)
  for (std::uint32_t copy = 0; copy < Scratchpads<Configuration>::kTableCopies; ++copy) {
    HLS_UNROLL
    memories.table[copy][loaded.address * isa::kTableEntries + loaded.index] =
        static_cast<std::int32_t>(bits);
  }
}

// Writes a beat where it belongs.
template <class Configuration>
inline void WriteBeat(const LoadedBeat<Configuration>& loaded,
                      Scratchpads<Configuration>& memories) {
  HLS_INLINE
  switch (loaded.memory) {
    case isa::Memory::kActivation:
      return WriteActivation<Configuration>(loaded, memories);
    case isa::Memory::kWeight:
      return WriteWeights<Configuration>(loaded, memories);
    case isa::Memory::kParameter:
      return WriteParameters<Configuration>(loaded, memories);
    case isa::Memory::kTable:
      return WriteTables<Configuration>(loaded, memories);
  }
}

}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_BEATS_HPP_
