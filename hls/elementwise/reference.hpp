// The element-wise operators as ONNX defines them, in float32. Needs -ffp-contract=off and the
// default rounding mode.
#ifndef SLUICE_HLS_ELEMENTWISE_REFERENCE_HPP_
#define SLUICE_HLS_ELEMENTWISE_REFERENCE_HPP_

#include <cmath>
#include <cstdint>

namespace sluice {
namespace reference {

// Scale and zero point of one tensor.
struct Quantisation {
  float scale;
  std::int32_t zero_point;
};

// DequantizeLinear.
inline float Dequantise(std::int8_t value, Quantisation from) {
  return static_cast<float>(value - from.zero_point) * from.scale;
}

// QuantizeLinear to int8.
inline std::int8_t Quantise(float value, Quantisation to) {
  const float rounded = std::nearbyintf(value / to.scale);
  const float shifted = rounded + static_cast<float>(to.zero_point);
  if (shifted < -128.0f) return -128;
  return shifted > 127.0f ? std::int8_t{127} : static_cast<std::int8_t>(shifted);
}

// DequantizeLinear - Add - QuantizeLinear.
inline std::int8_t Add(std::int8_t a, Quantisation from_a, std::int8_t b, Quantisation from_b,
                       Quantisation to) {
  return Quantise(Dequantise(a, from_a) + Dequantise(b, from_b), to);
}

// Cast - Sub - Mul - DequantizeLinear(int32, scale) - QuantizeLinear(scale 1).
inline std::int8_t Multiply(std::int8_t a, std::int32_t a_zero, std::int8_t b, std::int32_t b_zero,
                            float scale, std::int32_t zero_point) {
  const std::int32_t product = (a - a_zero) * (b - b_zero);
  return Quantise(static_cast<float>(product) * scale, Quantisation{1.0f, zero_point});
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_ELEMENTWISE_REFERENCE_HPP_
