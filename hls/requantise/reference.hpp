// The requantisation as ONNX Runtime's MLAS writes it (MlasRequantizeOutput, quantize.cpp): add the
// bias, convert, multiply, clamp, round to nearest even, add the zero point. Needs
// -ffp-contract=off and the default rounding mode.
#ifndef SLUICE_HLS_REQUANTISE_REFERENCE_HPP_
#define SLUICE_HLS_REQUANTISE_REFERENCE_HPP_

#include <cmath>
#include <cstdint>

namespace sluice {
namespace reference {

// The float32 that multiplier * 2^-shift stands for; exact, since multiplier has 24 bits.
inline float ScaleOf(std::uint32_t multiplier, std::uint32_t shift) {
  return std::ldexp(static_cast<float>(multiplier), -static_cast<int>(shift));
}

inline std::int8_t Requantise(std::int32_t sum, float scale, std::int32_t zero_point,
                              std::int32_t minimum, std::int32_t maximum) {
  const float least = static_cast<float>(minimum - zero_point);
  const float most = static_cast<float>(maximum - zero_point);
  float value = static_cast<float>(sum) * scale;
  value = value < least ? least : value;
  value = value > most ? most : value;
  return static_cast<std::int8_t>(static_cast<std::int32_t>(std::nearbyintf(value)) + zero_point);
}

// sum + bias modulo 2^32, as a signed number.
inline std::int32_t AddWrapping(std::int32_t sum, std::int32_t bias) {
  const std::int64_t modulus = std::int64_t{1} << 32;
  const std::int64_t exact = std::int64_t{sum} + bias;
  if (exact > INT32_MAX) return static_cast<std::int32_t>(exact - modulus);
  if (exact < INT32_MIN) return static_cast<std::int32_t>(exact + modulus);
  return static_cast<std::int32_t>(exact);
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_REQUANTISE_REFERENCE_HPP_
