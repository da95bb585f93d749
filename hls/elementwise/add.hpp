// Element-wise addition of two int8 tensors through tables, with the bits of DequantizeLinear - Add
// - QuantizeLinear in float32. README.md says how the tables are made.
#ifndef SLUICE_HLS_ELEMENTWISE_ADD_HPP_
#define SLUICE_HLS_ELEMENTWISE_ADD_HPP_

#include <cstdint>

#include "hls/portability.hpp"
#include "hls/requantise/round_shift.hpp"

namespace sluice {

// Fraction bits of the terms.
constexpr std::uint32_t kAddShiftMin = 1;
constexpr std::uint32_t kAddShiftMax = 30;
// Units of the terms' last bit that count as a tie on either side of it.
constexpr std::uint32_t kAddWindowMax = 15;

// clamp(round((term_a + term_b) * 2^-shift) + zero_point, minimum, maximum). Halves, and sums
// within `window` of them, go to the even neighbour. shift 1 to 30, window 0 to 15 (higher bits of
// both are ignored); zero_point, minimum and maximum -128 to 127.
inline std::int8_t AddTerms(std::int32_t term_a, std::int32_t term_b, std::uint32_t shift,
                            std::uint32_t window, std::int32_t zero_point, std::int32_t minimum,
                            std::int32_t maximum) {
  HLS_INLINE
  const std::int64_t sum = std::int64_t{term_a} + term_b;
  const bool negative = sum < 0;
  const std::uint64_t magnitude = static_cast<std::uint64_t>(negative ? -sum : sum);
  const std::uint32_t rounded = RoundShift(magnitude, shift & 31, window & kAddWindowMax);
  return FinishInt8(negative, rounded, zero_point, minimum, maximum);
}

}  // namespace sluice

#endif  // SLUICE_HLS_ELEMENTWISE_ADD_HPP_
