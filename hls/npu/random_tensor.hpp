// Where the tensors of a random program lie, and how they are cut.
#ifndef SLUICE_HLS_NPU_RANDOM_TENSOR_HPP_
#define SLUICE_HLS_NPU_RANDOM_TENSOR_HPP_

#include <cstdint>
#include <vector>

#include "hls/isa/geometry.hpp"
#include "hls/npu/random_emitter.hpp"
#include "hls/testing.hpp"

namespace sluice {
namespace testing {

// The sizes of a configuration, as values.
struct ProgramSizes {
  std::uint32_t input_parallel;
  std::uint32_t pixel_parallel;
  std::uint32_t activation_lines;
  std::uint32_t weight_tiles;
  std::uint32_t parameter_blocks;
  std::uint32_t table_slots;
};

template <class Configuration>
ProgramSizes ProgramSizesOf() {
  return ProgramSizes{Configuration::kInputParallel,   Configuration::kPixelParallel,
                      Configuration::kActivationLines, Configuration::kWeightTiles,
                      Configuration::kParameterBlocks, Configuration::kTableSlots};
}

// Rows x columns words of each block, with the pitches of activation memory (lines) or of a region
// (beats).
struct Tensor {
  std::uint32_t address;
  std::uint32_t rows;
  std::uint32_t columns;
  std::uint32_t blocks;
  std::uint32_t row_pitch;
  std::uint32_t block_pitch;
};

// From the first cell to the end of the last row of `row_cells`.
inline std::uint64_t ExtentOf(const Tensor& tensor, std::uint32_t row_cells) {
  return std::uint64_t{tensor.blocks - 1} * tensor.block_pitch +
         std::uint64_t{tensor.rows - 1} * tensor.row_pitch + row_cells;
}

// One access for each row.
inline void AppendRows(const Tensor& tensor, Space space, std::uint32_t row_cells, bool writes,
                       std::vector<Access>& accesses) {
  for (std::uint32_t block = 0; block < tensor.blocks; ++block) {
    for (std::uint32_t row = 0; row < tensor.rows; ++row) {
      const std::uint64_t first = std::uint64_t{tensor.address} +
                                  std::uint64_t{block} * tensor.block_pitch +
                                  std::uint64_t{row} * tensor.row_pitch;
      accesses.push_back(Access{space, first, row_cells, writes});
    }
  }
}

// Pitches with which no two rows meet: rows inside blocks or blocks inside rows, with gaps.
inline void ChoosePitches(Random& random, std::uint32_t row_cells, std::uint32_t gap_most,
                          Tensor& tensor) {
  const auto gap = [&] { return static_cast<std::uint32_t>(random.Between(0, gap_most)); };
  if (random.Between(0, 2) > 0) {
    tensor.row_pitch = row_cells + gap();
    tensor.block_pitch = tensor.rows * tensor.row_pitch + gap();
  } else {
    tensor.block_pitch = row_cells + gap();
    tensor.row_pitch = tensor.blocks * tensor.block_pitch + gap();
  }
}

// A part of a tensor in activation memory. Its first column is the first of a line.
inline Tensor RandomPart(Random& random, const Tensor& whole, std::uint32_t pixel_parallel) {
  Tensor part = whole;
  const auto between = [&](std::uint32_t least, std::uint32_t most) {
    return static_cast<std::uint32_t>(random.Between(least, most));
  };
  if (random.Between(0, 2) > 0) return part;
  const std::uint32_t line = between(0, (whole.columns - 1) / pixel_parallel);
  const std::uint32_t row = between(0, whole.rows - 1);
  const std::uint32_t block = between(0, whole.blocks - 1);
  part.address += line + row * whole.row_pitch + block * whole.block_pitch;
  part.columns = between(1, whole.columns - line * pixel_parallel);
  part.rows = between(1, whole.rows - row);
  part.blocks = between(1, whole.blocks - block);
  return part;
}

}  // namespace testing
}  // namespace sluice

#endif  // SLUICE_HLS_NPU_RANDOM_TENSOR_HPP_
