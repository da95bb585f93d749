// The requantisation as ONNX Runtime's MLAS writes it (MlasRequantizeOutput, quantize.cpp):
// convert, multiply, clamp, round to nearest even, add the zero point. Needs -ffp-contract=off and
// the default rounding mode.
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
  float value = static_cast<float>(sum) * scale;
  value = std::fmax(value, static_cast<float>(minimum - zero_point));
  value = std::fmin(value, static_cast<float>(maximum - zero_point));
  return static_cast<std::int8_t>(static_cast<std::int32_t>(std::nearbyint(value)) + zero_point);
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_REQUANTISE_REFERENCE_HPP_
