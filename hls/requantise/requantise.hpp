// int32 sum to int8, with the bits of ONNX Runtime's float32 arithmetic. README.md has the proof.
#ifndef SLUICE_HLS_REQUANTISE_REQUANTISE_HPP_
#define SLUICE_HLS_REQUANTISE_REQUANTISE_HPP_

#include <cstdint>

#include "hls/isa/generated/instructions.hpp"
#include "hls/portability.hpp"

namespace sluice {

// Significant bits of a float32.
constexpr std::uint32_t kSignificandBits = 24;
// |sum| <= 2^31 times a 24-bit multiplier.
constexpr std::uint32_t kProductBits = 32 + isa::kMultiplierBits;
static_assert(kProductBits <= 64, "the product fits 64 bits");
static_assert(isa::kShiftMin >= 1 && isa::kShiftMax <= 63, "one half of the divisor is an integer");

// Position of the highest set bit; 0 for 0.
inline std::uint32_t HighestBit(std::uint64_t value) {
  HLS_INLINE
  std::uint32_t position = 0;
  if ((value >> 32) != 0) {
    position += 32;
    value >>= 32;
  }
  if ((value >> 16) != 0) {
    position += 16;
    value >>= 16;
  }
  if ((value >> 8) != 0) {
    position += 8;
    value >>= 8;
  }
  if ((value >> 4) != 0) {
    position += 4;
    value >>= 4;
  }
  if ((value >> 2) != 0) {
    position += 2;
    value >>= 2;
  }
  return position + static_cast<std::uint32_t>(value >> 1);
}

// Rounds to 24 significant bits, half to even: what int32 to float32 does to a magnitude.
inline std::uint32_t RoundToSignificand(std::uint32_t magnitude) {
  HLS_INLINE
  const std::uint32_t highest = HighestBit(magnitude);
  const std::uint32_t dropped = highest < kSignificandBits ? 0 : highest - (kSignificandBits - 1);
  const std::uint32_t unit = std::uint32_t{1} << dropped;
  const std::uint32_t rest = magnitude & (unit - 1);
  const std::uint32_t down = magnitude - rest;
  const std::uint32_t half = unit >> 1;
  const bool odd = ((magnitude >> dropped) & 1) != 0;
  const bool up = rest > half || (rest == half && rest != 0 && odd);
  return up ? down + unit : down;
}

// round(product * 2^-shift), half to even, of the product rounded to 24 significant bits. Exact
// wherever the result is below 2^22; above, it may differ by one.
inline std::uint64_t ShiftRoundWidenedTie(std::uint64_t product, std::uint32_t shift) {
  HLS_INLINE
  const std::uint32_t highest = HighestBit(product);
  const std::uint64_t window =
      highest < kSignificandBits ? 0 : std::uint64_t{1} << (highest - kSignificandBits);
  const std::uint64_t divisor = std::uint64_t{1} << shift;
  const std::uint64_t half = divisor >> 1;
  const std::uint64_t quotient = product >> shift;
  const std::uint64_t rest = product & (divisor - 1);
  const std::uint64_t distance = rest > half ? rest - half : half - rest;
  const bool up = distance <= window ? (quotient & 1) != 0 : rest > half;
  return up ? quotient + 1 : quotient;
}

// clamp(round((float)sum * scale) + zero_point, minimum, maximum) with scale = multiplier *
// 2^-shift. multiplier < 2^24, shift 1 to 63, zero_point, minimum and maximum -128 to 127.
inline std::int8_t Requantise(std::int32_t sum, std::uint32_t multiplier, std::uint32_t shift,
                              std::int32_t zero_point, std::int32_t minimum, std::int32_t maximum) {
  HLS_INLINE
  // Beyond every int8 whatever the zero point is, and small enough for int32.
  const std::uint64_t saturated = 512;
  const bool negative = sum < 0;
  const std::uint32_t magnitude =
      negative ? ~static_cast<std::uint32_t>(sum) + 1 : static_cast<std::uint32_t>(sum);
  const std::uint64_t product = std::uint64_t{RoundToSignificand(magnitude)} * multiplier;
  const std::uint64_t rounded = ShiftRoundWidenedTie(product, shift);
  const std::int32_t bounded = static_cast<std::int32_t>(rounded < saturated ? rounded : saturated);
  const std::int32_t shifted = (negative ? -bounded : bounded) + zero_point;
  const std::int32_t raised = shifted < minimum ? minimum : shifted;
  return static_cast<std::int8_t>(raised > maximum ? maximum : raised);
}

}  // namespace sluice

#endif  // SLUICE_HLS_REQUANTISE_REQUANTISE_HPP_
