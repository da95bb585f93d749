// Whether an instruction stays inside the memories and regions. The loader has proven it before;
// the hardware checks again, so that a damaged instruction stops the program instead of the device.
#ifndef SLUICE_HLS_NPU_CHECKS_HPP_
#define SLUICE_HLS_NPU_CHECKS_HPP_

#include <cstdint>

#include "hls/isa/instruction.hpp"
#include "hls/memories.hpp"

namespace sluice {

// Beats of the four regions.
struct RegionSizes {
  std::uint64_t weights;
  std::uint64_t input;
  std::uint64_t output;
  std::uint64_t arena;
};

// Whether `rows` rows of `length`, `pitch` apart from `first` on, lie within [0, size). No operand
// is above 2^32, so 64 bits cannot overflow.
inline bool RowsFit(std::uint64_t first, std::uint64_t rows, std::uint64_t pitch,
                    std::uint64_t length, std::uint64_t size) {
  HLS_INLINE
  return rows > 0 && length > 0 && first + (rows - 1) * pitch + length <= size;
}

// Size of a memory in words, and 0 for a code that names none.
template <class Configuration>
inline std::uint32_t MemoryWords(std::uint32_t memory) {
  HLS_INLINE
  switch (static_cast<isa::Memory>(memory)) {
    case isa::Memory::kActivation:
      return Configuration::kActivationWords;
    case isa::Memory::kWeight:
      return Configuration::kWeightTiles;
    case isa::Memory::kParameter:
      return Configuration::kParameterRecords;
  }
  return 0;
}

// Size of a region in beats, and 0 for a code that names none.
inline std::uint64_t RegionBeats(std::uint32_t region, const RegionSizes& sizes) {
  HLS_INLINE
  switch (static_cast<isa::Region>(region)) {
    case isa::Region::kWeights:
      return sizes.weights;
    case isa::Region::kInput:
      return sizes.input;
    case isa::Region::kOutput:
      return sizes.output;
    case isa::Region::kArena:
      return sizes.arena;
  }
  return 0;
}

template <class Configuration>
inline bool TransferFits(const isa::Transfer& transfer, const RegionSizes& sizes) {
  HLS_INLINE
  const bool tiles = transfer.memory == static_cast<std::uint32_t>(isa::Memory::kWeight);
  const std::uint32_t beats_per_word = tiles ? Scratchpads<Configuration>::kBeatsPerTile : 1;
  return transfer.row_beats % beats_per_word == 0 &&
         RowsFit(transfer.dram_offset_beats, transfer.rows, transfer.dram_pitch_beats,
                 transfer.row_beats, RegionBeats(transfer.region, sizes)) &&
         RowsFit(transfer.sram_address, transfer.rows, transfer.sram_pitch,
                 transfer.row_beats / beats_per_word, MemoryWords<Configuration>(transfer.memory));
}

template <class Configuration>
inline bool GemmFits(const isa::Gemm& gemm) {
  HLS_INLINE
  return RowsFit(gemm.activation_address, gemm.rows, gemm.activation_pitch, gemm.input_blocks,
                 Configuration::kActivationWords) &&
         RowsFit(gemm.output_address, gemm.rows, gemm.output_pitch, gemm.output_blocks,
                 Configuration::kActivationWords) &&
         RowsFit(gemm.weight_address, gemm.output_blocks, gemm.input_blocks, gemm.input_blocks,
                 Configuration::kWeightTiles) &&
         RowsFit(gemm.parameter_address, gemm.output_blocks, Configuration::kBlock,
                 Configuration::kBlock, Configuration::kParameterRecords);
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_CHECKS_HPP_
