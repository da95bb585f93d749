// int8 x int8 matrix multiply from and to activation memory. README.md has the loops and their
// cost.
#ifndef SLUICE_HLS_GEMM_GEMM_HPP_
#define SLUICE_HLS_GEMM_GEMM_HPP_

#include <cstdint>

#include "hls/isa/instruction.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"
#include "hls/requantise/requantise.hpp"

namespace sluice {

// Inputs that one sum can have: bounded by the instruction's field and by weight memory.
template <class Configuration>
struct GemmWidths {
  static constexpr std::uint64_t kFieldBlocks =
      (std::uint64_t{1} << isa::gemm::kInputBlocks.width) - 1;
  static constexpr std::uint64_t kBlocks =
      kFieldBlocks < Configuration::kWeightTiles ? kFieldBlocks : Configuration::kWeightTiles;
  // |int8 * int8| <= 2^14.
  static constexpr std::uint64_t kSumMax = kBlocks * Configuration::kBlock * (128 * 128);
  static_assert(kSumMax < (std::uint64_t{1} << 31), "the sum of products fits int32");
};

// One output lane's share of a tile: the dot product of a weight row and an activation word.
template <class Configuration>
inline std::int32_t DotProduct(const std::int8_t (&weight)[Configuration::kBlock],
                               const ActivationWord<Configuration>& word) {
  HLS_INLINE
  std::int32_t sum = 0;
  HLS_LABEL(dot_inputs)
  for (std::uint32_t input = 0; input < Configuration::kBlock; ++input) {
    HLS_UNROLL
    sum += static_cast<std::int32_t>(weight[input]) * static_cast<std::int32_t>(word.lane[input]);
  }
  return sum;
}

// Bias (wrapping as int32, like ONNX Runtime) and requantisation of one row's sums.
template <class Configuration>
inline ActivationWord<Configuration> DrainRow(const std::int32_t (&sums)[Configuration::kBlock],
                                              const Scratchpads<Configuration>& memories,
                                              std::uint32_t first_record, const isa::Gemm& gemm) {
  HLS_INLINE
  ActivationWord<Configuration> word;
  HLS_LABEL(drain_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kBlock; ++lane) {
    HLS_UNROLL
    const ChannelRecord& record = memories.parameter[first_record + lane];
    const std::uint32_t biased =
        static_cast<std::uint32_t>(sums[lane]) + static_cast<std::uint32_t>(record.bias);
    word.lane[lane] = Requantise(static_cast<std::int32_t>(biased), record.multiplier, record.shift,
                                 gemm.output_zero_point, gemm.minimum, gemm.maximum);
  }
  return word;
}

// Sums of `kPixelParallel` rows from `first_row` on, for one output block. Rows past the end repeat
// the last one; their sums are not stored.
template <class Configuration>
void SumRows(const isa::Gemm& gemm, const Scratchpads<Configuration>& memories,
             std::uint32_t first_row, std::uint32_t output_block,
             std::int32_t (&sums)[Configuration::kPixelParallel][Configuration::kBlock]) {
  HLS_LABEL(sum_clear)
  for (std::uint32_t pixel = 0; pixel < Configuration::kPixelParallel; ++pixel) {
    HLS_UNROLL
    for (std::uint32_t lane = 0; lane < Configuration::kBlock; ++lane) {
      HLS_UNROLL
      sums[pixel][lane] = 0;
    }
  }
  HLS_LABEL(sum_inputs)
  for (std::uint32_t block = 0; block < gemm.input_blocks; ++block) {
    HLS_PIPELINE(1)
    const WeightTile<Configuration>& tile =
        memories.weight[gemm.weight_address + output_block * gemm.input_blocks + block];
    for (std::uint32_t pixel = 0; pixel < Configuration::kPixelParallel; ++pixel) {
      HLS_UNROLL
      const std::uint32_t wanted = first_row + pixel;
      const std::uint32_t row = wanted < gemm.rows ? wanted : gemm.rows - 1;
      const ActivationWord<Configuration>& word =
          memories.activation[gemm.activation_address + row * gemm.activation_pitch + block];
      for (std::uint32_t lane = 0; lane < Configuration::kBlock; ++lane) {
        HLS_UNROLL
        sums[pixel][lane] += DotProduct<Configuration>(tile.weight[lane], word);
      }
    }
  }
}

// The whole instruction. Addresses are the caller's to check; README.md lists what must hold.
template <class Configuration>
void Gemm(const isa::Gemm& gemm, Scratchpads<Configuration>& memories) {
  static_assert(GemmWidths<Configuration>::kSumMax > 0, "the accumulator's width is checked");
  std::int32_t sums[Configuration::kPixelParallel][Configuration::kBlock];
  HLS_PARTITION(sums, 0)
  HLS_LABEL(gemm_rows)
  for (std::uint32_t row = 0; row < gemm.rows; row += Configuration::kPixelParallel) {
    HLS_LABEL(gemm_outputs)
    for (std::uint32_t block = 0; block < gemm.output_blocks; ++block) {
      SumRows<Configuration>(gemm, memories, row, block, sums);
      const std::uint32_t first_record = gemm.parameter_address + block * Configuration::kBlock;
      HLS_LABEL(gemm_drain)
      for (std::uint32_t pixel = 0; pixel < Configuration::kPixelParallel; ++pixel) {
        HLS_PIPELINE(1)
        if (row + pixel < gemm.rows) {
          memories.activation[gemm.output_address + (row + pixel) * gemm.output_pitch + block] =
              DrainRow<Configuration>(sums[pixel], memories, first_record, gemm);
        }
      }
    }
  }
}

}  // namespace sluice

#endif  // SLUICE_HLS_GEMM_GEMM_HPP_
