// The naive matrix multiply: one output at a time, sums in 64 bits, float requantisation.
#ifndef SLUICE_HLS_GEMM_REFERENCE_HPP_
#define SLUICE_HLS_GEMM_REFERENCE_HPP_

#include <cstdint>
#include <vector>

#include "hls/requantise/reference.hpp"

namespace sluice {
namespace reference {

// Row-major operands: activations[rows][inputs], weights[outputs][inputs], one bias and one scale
// an output.
struct GemmOperands {
  std::uint32_t rows;
  std::uint32_t inputs;
  std::uint32_t outputs;
  std::vector<std::int8_t> activations;
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> scale;
  std::int32_t zero_point;
  std::int32_t minimum;
  std::int32_t maximum;
};

// outputs[rows][outputs]; the sum wraps to int32 before the requantisation, as ONNX Runtime's does.
inline std::vector<std::int8_t> Gemm(const GemmOperands& operands) {
  std::vector<std::int8_t> results;
  for (std::uint32_t row = 0; row < operands.rows; ++row) {
    for (std::uint32_t output = 0; output < operands.outputs; ++output) {
      std::int64_t sum = operands.bias[output];
      for (std::uint32_t input = 0; input < operands.inputs; ++input) {
        sum += std::int64_t{operands.activations[row * operands.inputs + input]} *
               operands.weights[output * operands.inputs + input];
      }
      const std::int32_t wrapped = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum));
      results.push_back(Requantise(wrapped, operands.scale[output], operands.zero_point,
                                   operands.minimum, operands.maximum));
    }
  }
  return results;
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_GEMM_REFERENCE_HPP_
