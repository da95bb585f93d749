// Two-dimensional copies between memory and the scratchpads, one beat of 16 bytes a clock.
#ifndef SLUICE_HLS_TRANSFER_TRANSFER_HPP_
#define SLUICE_HLS_TRANSFER_TRANSFER_HPP_

#include <cstdint>

#include "hls/isa/instruction.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"

namespace sluice {

// Little-endian 32 bits of a beat.
inline std::uint32_t BeatWord(const Beat& beat, std::uint32_t first_byte) {
  HLS_INLINE
  return static_cast<std::uint32_t>(beat.byte[first_byte]) |
         static_cast<std::uint32_t>(beat.byte[first_byte + 1]) << 8 |
         static_cast<std::uint32_t>(beat.byte[first_byte + 2]) << 16 |
         static_cast<std::uint32_t>(beat.byte[first_byte + 3]) << 24;
}

// Writes one beat into the memory that a LOAD names: an activation word, one output lane's row of a
// tile, or a channel record.
template <class Configuration>
inline void WriteBeat(Scratchpads<Configuration>& memories, isa::Memory memory,
                      std::uint32_t word_address, std::uint32_t beat_of_word, const Beat& beat) {
  HLS_INLINE
  if (memory == isa::Memory::kParameter) {
    ChannelRecord& record = memories.parameter[word_address];
    record.bias = static_cast<std::int32_t>(BeatWord(beat, 0));
    record.multiplier = BeatWord(beat, 4) & ((1u << isa::kMultiplierBits) - 1);
    record.shift = beat.byte[8] & isa::kShiftMax;
    return;
  }
  HLS_LABEL(write_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kBlock; ++lane) {
    HLS_UNROLL
    const std::int8_t value = static_cast<std::int8_t>(beat.byte[lane]);
    if (memory == isa::Memory::kWeight) {
      memories.weight[word_address].weight[beat_of_word][lane] = value;
    } else {
      memories.activation[word_address].lane[lane] = value;
    }
  }
}

// LOAD: the region's beats into on-chip memory. Addresses are the caller's to check.
template <class Configuration>
void Load(const isa::Transfer& transfer, const Beat* weights, const Beat* input, const Beat* arena,
          Scratchpads<Configuration>& memories) {
  const isa::Memory memory = static_cast<isa::Memory>(transfer.memory);
  const isa::Region region = static_cast<isa::Region>(transfer.region);
  const std::uint32_t beats_per_word =
      memory == isa::Memory::kWeight ? Scratchpads<Configuration>::kBeatsPerTile : 1;
  HLS_LABEL(load_rows)
  for (std::uint32_t row = 0; row < transfer.rows; ++row) {
    const std::uint64_t source =
        transfer.dram_offset_beats + std::uint64_t{row} * transfer.dram_pitch_beats;
    const std::uint32_t target = transfer.sram_address + row * transfer.sram_pitch;
    std::uint32_t word = 0;
    std::uint32_t beat_of_word = 0;
    HLS_LABEL(load_beats)
    for (std::uint32_t index = 0; index < transfer.row_beats; ++index) {
      HLS_PIPELINE(1)
      const Beat beat = region == isa::Region::kWeights ? weights[source + index]
                        : region == isa::Region::kInput ? input[source + index]
                                                        : arena[source + index];
      WriteBeat<Configuration>(memories, memory, target + word, beat_of_word, beat);
      const bool word_done = beat_of_word + 1 == beats_per_word;
      beat_of_word = word_done ? 0 : beat_of_word + 1;
      word = word_done ? word + 1 : word;
    }
  }
}

// STORE: activation words to the output or the arena. Addresses are the caller's to check.
template <class Configuration>
void Store(const isa::Transfer& transfer, const Scratchpads<Configuration>& memories, Beat* output,
           Beat* arena) {
  const isa::Region region = static_cast<isa::Region>(transfer.region);
  HLS_LABEL(store_rows)
  for (std::uint32_t row = 0; row < transfer.rows; ++row) {
    const std::uint64_t target =
        transfer.dram_offset_beats + std::uint64_t{row} * transfer.dram_pitch_beats;
    const std::uint32_t source = transfer.sram_address + row * transfer.sram_pitch;
    HLS_LABEL(store_beats)
    for (std::uint32_t index = 0; index < transfer.row_beats; ++index) {
      HLS_PIPELINE(1)
      Beat beat;
      HLS_LABEL(store_lanes)
      for (std::uint32_t lane = 0; lane < Configuration::kBlock; ++lane) {
        HLS_UNROLL
        beat.byte[lane] = static_cast<std::uint8_t>(memories.activation[source + index].lane[lane]);
      }
      if (region == isa::Region::kOutput) {
        output[target + index] = beat;
      } else {
        arena[target + index] = beat;
      }
    }
  }
}

}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_TRANSFER_HPP_
