// What a beat of the memory bus means to each on-chip memory.
#ifndef SLUICE_HLS_TRANSFER_BEATS_HPP_
#define SLUICE_HLS_TRANSFER_BEATS_HPP_

#include <cstdint>

#include "hls/isa/geometry.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"

namespace sluice {

// A beat on its way into a memory: `index` is its bank (ACTIVATION) or its place within the tile,
// channel block or slot.
template <class Configuration>
struct LoadedBeat {
  isa::Memory memory;
  std::uint32_t address;
  std::uint32_t index;
  Beat<Configuration> beat;
};

// Beats of one line, tile, channel block or slot.
template <class Configuration>
inline std::uint32_t BeatsPerAddress(isa::Memory memory) {
  HLS_INLINE
  return memory == isa::Memory::kActivation ? Configuration::kPixelParallel
                                            : isa::BeatsPerItem<Configuration>(memory);
}

// 32 bits, lowest byte first.
template <class Configuration>
inline std::uint32_t WordOfBeat(const Beat<Configuration>& beat, std::uint32_t first_byte) {
  HLS_INLINE
  return static_cast<std::uint32_t>(beat.byte[first_byte]) |
         static_cast<std::uint32_t>(beat.byte[first_byte + 1]) << 8 |
         static_cast<std::uint32_t>(beat.byte[first_byte + 2]) << 16 |
         static_cast<std::uint32_t>(beat.byte[first_byte + 3]) << 24;
}

template <class Configuration>
inline ActivationWord<Configuration> WordFromBeat(const Beat<Configuration>& beat) {
  HLS_INLINE
  ActivationWord<Configuration> word;
  HLS_LABEL(unpack_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kInputParallel; ++lane) {
    HLS_UNROLL
    word.lane[lane] = static_cast<std::int8_t>(beat.byte[lane]);
  }
  return word;
}

template <class Configuration>
inline Beat<Configuration> BeatFromWord(const ActivationWord<Configuration>& word) {
  HLS_INLINE
  Beat<Configuration> beat;
  HLS_LABEL(pack_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kInputParallel; ++lane) {
    HLS_UNROLL
    beat.byte[lane] = static_cast<std::uint8_t>(word.lane[lane]);
  }
  return beat;
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
      memories.activation[bank][loaded.address] = WordFromBeat<Configuration>(loaded.beat);
    }
  }
}

// One output lane's row of a tile.
template <class Configuration>
inline void WriteWeights(const LoadedBeat<Configuration>& loaded,
                         Scratchpads<Configuration>& memories) {
  HLS_INLINE
  HLS_LABEL(write_weight_rows)
  for (std::uint32_t row = 0; row < Configuration::kOutputParallel; ++row) {
    HLS_UNROLL
    HLS_LABEL(write_weight_lanes)
    for (std::uint32_t lane = 0; lane < Configuration::kInputParallel; ++lane) {
      HLS_UNROLL
      if (loaded.index == row) {
        memories.weight[loaded.address].weight[row][lane] =
            static_cast<std::int8_t>(loaded.beat.byte[lane]);
      }
    }
  }
}

// The records of a beat: bias, then multiplier and shift.
template <class Configuration>
inline void WriteParameters(const LoadedBeat<Configuration>& loaded,
                            Scratchpads<Configuration>& memories) {
  HLS_INLINE
  constexpr std::uint32_t kRecords = Configuration::kInputParallel / isa::kParameterRecordBytes;
  static_assert(kRecords > 0, "a beat holds whole records");
  HLS_LABEL(write_records)
  for (std::uint32_t channel = 0; channel < Configuration::kOutputParallel; ++channel) {
    HLS_UNROLL
    const std::uint32_t first_byte = channel % kRecords * isa::kParameterRecordBytes;
    const std::uint32_t scale = WordOfBeat<Configuration>(loaded.beat, first_byte + 4);
    if (loaded.index == channel / kRecords) {
      memories.parameter[loaded.address][channel] = ChannelRecord{
          static_cast<std::int32_t>(WordOfBeat<Configuration>(loaded.beat, first_byte)),
          scale & ((1u << isa::kMultiplierBits) - 1),
          scale >> isa::kMultiplierBits & isa::kShiftMax};
    }
  }
}

// The entries of a beat into every copy of the tables.
template <class Configuration>
inline void WriteTables(const LoadedBeat<Configuration>& loaded,
                        Scratchpads<Configuration>& memories) {
  HLS_INLINE
  constexpr std::uint32_t kEntries = Configuration::kInputParallel / 4;
  const std::uint32_t first = loaded.address * isa::kTableEntries + loaded.index * kEntries;
  HLS_LABEL(write_table_copies)
  for (std::uint32_t copy = 0; copy < Scratchpads<Configuration>::kTableCopies; ++copy) {
    HLS_UNROLL
    HLS_LABEL(write_table_entries)
    for (std::uint32_t entry = 0; entry < kEntries; ++entry) {
      HLS_UNROLL
      memories.table[copy][first + entry] =
          static_cast<std::int32_t>(WordOfBeat<Configuration>(loaded.beat, 4 * entry));
    }
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
