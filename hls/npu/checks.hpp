// Whether an instruction stays inside the memories and regions, and its loops have an end. The
// loader has proven it before; the hardware checks again, so that a damaged instruction stops the
// program instead of writing elsewhere.
#ifndef SLUICE_HLS_NPU_CHECKS_HPP_
#define SLUICE_HLS_NPU_CHECKS_HPP_

#include <cstdint>

#include "hls/isa/geometry.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"

namespace sluice {

// Beats of the four regions.
struct RegionSizes {
  std::uint64_t weights;
  std::uint64_t input;
  std::uint64_t output;
  std::uint64_t arena;
};

// Blocks of rows of `length` units.
struct Extent {
  std::uint64_t first;
  std::uint32_t blocks;
  std::uint32_t block_pitch;
  std::uint32_t rows;
  std::uint32_t row_pitch;
  std::uint32_t length;
};

// Whether it has units, and all within [0, size). No field has more than 32 bits, and no product of
// two more than 35, so 64 bits cannot overflow.
inline bool Fits(const Extent& extent, std::uint64_t size) {
  HLS_INLINE
  if (extent.blocks == 0 || extent.rows == 0 || extent.length == 0) return false;
  return extent.first + std::uint64_t{extent.blocks - 1} * extent.block_pitch +
             std::uint64_t{extent.rows - 1} * extent.row_pitch + extent.length <=
         size;
}

// The same for `count` units in sequence.
inline bool RunFits(std::uint64_t first, std::uint64_t count, std::uint64_t size) {
  HLS_INLINE
  return count > 0 && first + count <= size;
}

// Whether rows of words lie within activation memory.
template <class Configuration>
inline bool LinesFit(std::uint32_t address, std::uint32_t blocks, std::uint32_t block_pitch,
                     std::uint32_t rows, std::uint32_t row_pitch, std::uint32_t columns) {
  HLS_INLINE
  return Fits(Extent{address, blocks, block_pitch, rows, row_pitch,
                     isa::CeilDivide(columns, Configuration::kPixelParallel)},
              Configuration::kActivationLines);
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

// ACTIVATION to or from a region.
template <class Configuration>
inline bool ActivationTransferFits(const isa::Transfer& fields, std::uint64_t region_beats) {
  HLS_INLINE
  return LinesFit<Configuration>(fields.address, fields.blocks, fields.block_pitch, fields.rows,
                                 fields.row_pitch, fields.columns) &&
         Fits(Extent{fields.dram_offset, fields.blocks, fields.dram_block_pitch, fields.rows,
                     fields.dram_row_pitch, fields.columns},
              region_beats);
}

// Addresses of a memory that is loaded in sequence, and 0 for a code that names none.
template <class Configuration>
inline std::uint32_t SequenceAddresses(std::uint32_t memory) {
  HLS_INLINE
  switch (static_cast<isa::Memory>(memory)) {
    case isa::Memory::kWeight:
      return Configuration::kWeightTiles;
    case isa::Memory::kParameter:
      return Configuration::kParameterBlocks;
    case isa::Memory::kTable:
      return Configuration::kTableSlots;
    case isa::Memory::kActivation:
      break;
  }
  return 0;
}

template <class Configuration>
inline bool LoadFits(const isa::Transfer& fields, const RegionSizes& sizes) {
  HLS_INLINE
  if (fields.region == static_cast<std::uint32_t>(isa::Region::kOutput)) return false;
  if (fields.memory == static_cast<std::uint32_t>(isa::Memory::kActivation)) {
    return ActivationTransferFits<Configuration>(fields, RegionBeats(fields.region, sizes));
  }
  return fields.region == static_cast<std::uint32_t>(isa::Region::kWeights) &&
         fields.columns == 1 && fields.blocks == 1 &&
         RunFits(fields.address, fields.rows, SequenceAddresses<Configuration>(fields.memory)) &&
         RunFits(fields.dram_offset, isa::TransferBeats<Configuration>(fields), sizes.weights);
}

template <class Configuration>
inline bool StoreFits(const isa::Transfer& fields, const RegionSizes& sizes) {
  HLS_INLINE
  const bool writable = fields.region == static_cast<std::uint32_t>(isa::Region::kOutput) ||
                        fields.region == static_cast<std::uint32_t>(isa::Region::kArena);
  return writable && fields.memory == static_cast<std::uint32_t>(isa::Memory::kActivation) &&
         ActivationTransferFits<Configuration>(fields, RegionBeats(fields.region, sizes));
}

// What CONVOLVE and POOL share. `input_blocks` counts all blocks that are read, `output_blocks`
// those that are written.
template <class Configuration, class Fields>
inline bool WindowFits(const Fields& fields, std::uint32_t input_blocks,
                       std::uint32_t output_blocks) {
  HLS_INLINE
  return fields.kernel_rows > 0 && fields.kernel_columns > 0 && fields.stride_rows > 0 &&
         fields.stride_columns > 0 && fields.table <= Configuration::kTableSlots &&
         LinesFit<Configuration>(fields.input_address, input_blocks, fields.input_block_pitch,
                                 fields.input_rows, fields.input_row_pitch, fields.input_columns) &&
         LinesFit<Configuration>(fields.output_address, output_blocks, fields.output_block_pitch,
                                 fields.output_rows, fields.output_row_pitch,
                                 fields.output_columns);
}

template <class Configuration>
inline bool ExecuteFits(const isa::Convolution& fields) {
  HLS_INLINE
  const bool depthwise = fields.depthwise != 0;
  const std::uint32_t taps = fields.kernel_rows * fields.kernel_columns;
  const std::uint32_t tiles = depthwise ? isa::CeilDivide(taps, Configuration::kOutputParallel)
                                        : taps * fields.input_blocks;
  const std::uint32_t input_blocks = fields.input_blocks;
  const std::uint32_t output_blocks = fields.output_blocks;
  return (!depthwise || input_blocks == 1) &&
         WindowFits<Configuration>(fields, depthwise ? output_blocks : input_blocks,
                                   output_blocks) &&
         RunFits(fields.weight_address, std::uint64_t{tiles} * output_blocks,
                 Configuration::kWeightTiles) &&
         RunFits(fields.parameter_address, output_blocks, Configuration::kParameterBlocks);
}

// An enlargement by 1, or one with neither kernel nor stride: what the address generator can do.
inline bool UpsampleFits(std::uint32_t upsample, std::uint32_t kernel, std::uint32_t stride) {
  HLS_INLINE
  return upsample == 1 || (upsample > 1 && kernel == 1 && stride == 1);
}

template <class Configuration>
inline bool ExecuteFits(const isa::Pool& fields) {
  HLS_INLINE
  return UpsampleFits(fields.upsample_rows, fields.kernel_rows, fields.stride_rows) &&
         UpsampleFits(fields.upsample_columns, fields.kernel_columns, fields.stride_columns) &&
         WindowFits<Configuration>(fields, fields.blocks, fields.blocks);
}

// What ADD and MULTIPLY share.
template <class Configuration, class Fields>
inline bool OperandsFit(const Fields& fields) {
  HLS_INLINE
  const bool broadcast = fields.broadcast != 0;
  return LinesFit<Configuration>(fields.first_address, fields.blocks, fields.first_block_pitch,
                                 fields.rows, fields.first_row_pitch, fields.columns) &&
         LinesFit<Configuration>(fields.second_address, fields.blocks, fields.second_block_pitch,
                                 broadcast ? 1 : fields.rows, fields.second_row_pitch,
                                 broadcast ? 1 : fields.columns) &&
         LinesFit<Configuration>(fields.output_address, fields.blocks, fields.output_block_pitch,
                                 fields.rows, fields.output_row_pitch, fields.columns);
}

template <class Configuration>
inline bool ExecuteFits(const isa::Addition& fields) {
  HLS_INLINE
  return fields.first_table < Configuration::kTableSlots &&
         fields.second_table < Configuration::kTableSlots && OperandsFit<Configuration>(fields);
}

template <class Configuration>
inline bool ExecuteFits(const isa::Multiplication& fields) {
  HLS_INLINE
  return OperandsFit<Configuration>(fields);
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_CHECKS_HPP_
