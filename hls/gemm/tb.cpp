// The matrix multiply of every configuration against the naive one, on random shapes and addresses.
#include <memory>

#include "hls/config/generated/configurations.hpp"
#include "hls/gemm/gemm.hpp"
#include "hls/gemm/random_operands.hpp"
#include "hls/gemm/reference.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::Scratchpads;
using sluice::testing::Random;
using sluice::testing::RandomGemm;

template <class Configuration>
void Place(const RandomGemm& made, const sluice::isa::Gemm& gemm,
           Scratchpads<Configuration>& memories) {
  constexpr std::uint32_t kBlock = Configuration::kBlock;
  const auto& operands = made.operands;
  for (std::uint32_t row = 0; row < operands.rows; ++row) {
    for (std::uint32_t input = 0; input < operands.inputs; ++input) {
      memories.activation[gemm.activation_address + row * gemm.activation_pitch + input / kBlock]
          .lane[input % kBlock] = operands.activations[row * operands.inputs + input];
    }
  }
  for (std::uint32_t output = 0; output < operands.outputs; ++output) {
    memories.parameter[gemm.parameter_address + output] = made.records[output];
    for (std::uint32_t input = 0; input < operands.inputs; ++input) {
      const std::uint32_t tile = (output / kBlock) * gemm.input_blocks + input / kBlock;
      memories.weight[gemm.weight_address + tile].weight[output % kBlock][input % kBlock] =
          operands.weights[output * operands.inputs + input];
    }
  }
}

template <class Configuration>
void CheckShape(std::uint32_t rows, std::uint32_t input_blocks, std::uint32_t output_blocks,
                Scratchpads<Configuration>& memories, Random& random) {
  constexpr std::uint32_t kBlock = Configuration::kBlock;
  const RandomGemm made =
      sluice::testing::MakeRandomGemm(rows, input_blocks * kBlock, output_blocks * kBlock, random);
  sluice::isa::Gemm gemm{};
  gemm.rows = rows;
  gemm.input_blocks = input_blocks;
  gemm.output_blocks = output_blocks;
  gemm.activation_pitch = input_blocks + static_cast<std::uint32_t>(random.Between(0, 2));
  gemm.output_pitch = output_blocks + static_cast<std::uint32_t>(random.Between(0, 2));
  gemm.activation_address = static_cast<std::uint32_t>(random.Between(0, 30));
  gemm.output_address = Configuration::kActivationWords / 2;
  gemm.weight_address = static_cast<std::uint32_t>(
      random.Between(0, Configuration::kWeightTiles - input_blocks * output_blocks));
  gemm.parameter_address = static_cast<std::uint32_t>(
      random.Between(0, Configuration::kParameterRecords - output_blocks * kBlock));
  gemm.output_zero_point = made.operands.zero_point;
  gemm.minimum = made.operands.minimum;
  gemm.maximum = made.operands.maximum;
  Place<Configuration>(made, gemm, memories);
  sluice::Gemm<Configuration>(gemm, memories);
  const std::vector<std::int8_t> expected = sluice::reference::Gemm(made.operands);
  std::uint32_t mismatches = 0;
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t output = 0; output < made.operands.outputs; ++output) {
      const auto& word =
          memories.activation[gemm.output_address + row * gemm.output_pitch + output / kBlock];
      if (word.lane[output % kBlock] != expected[row * made.operands.outputs + output])
        ++mismatches;
    }
  }
  SLUICE_CHECK(mismatches == 0);
}

template <class Configuration>
void CheckConfiguration() {
  Random random(7);
  const std::unique_ptr<Scratchpads<Configuration>> memories(new Scratchpads<Configuration>());
  for (int shape = 0; shape < 200; ++shape) {
    CheckShape<Configuration>(static_cast<std::uint32_t>(random.Between(1, 9)),
                              static_cast<std::uint32_t>(random.Between(1, 12)),
                              static_cast<std::uint32_t>(random.Between(1, 7)), *memories, random);
  }
  CheckShape<Configuration>(2, Configuration::kWeightTiles < 512 ? 128 : 512, 1, *memories, random);
}

}  // namespace

int main() {
#define SLUICE_CHECK_CONFIGURATION(Configuration) CheckConfiguration<Configuration>();
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_CHECK_CONFIGURATION)
  return sluice::testing::Finish();
}
