// int32 sum to int8, with the bits of ONNX Runtime's float32 arithmetic. README.md has the proof.
#ifndef SLUICE_HLS_REQUANTISE_REQUANTISE_HPP_
#define SLUICE_HLS_REQUANTISE_REQUANTISE_HPP_

#include <cstdint>

#include "hls/portability.hpp"
#include "hls/requantise/round_shift.hpp"

namespace sluice {

// Significant bits of a float32, and so of the multiplier.
constexpr std::uint32_t kSignificandBits = 24;
// Bits of |sum|: up to 2^31, before and after it is rounded to a significand.
constexpr std::uint32_t kMagnitudeBits = 32;
// |sum| <= 2^31 times a 24-bit multiplier.
constexpr std::uint32_t kProductBits = kMagnitudeBits - 1 + kSignificandBits;
static_assert(kProductBits <= 64, "the product fits 64 bits");

// Position of the highest set bit of a byte; 0 for 0.
inline std::uint32_t HighestBitOfByte(std::uint32_t byte) {
  HLS_INLINE
  const bool upper_four = (byte >> 4) != 0;
  const std::uint32_t four = upper_four ? byte >> 4 : byte & 15;
  const bool upper_two = (four >> 2) != 0;
  const std::uint32_t two = upper_two ? four >> 2 : four & 3;
  return (upper_four ? 4u : 0u) + (upper_two ? 2u : 0u) + (two >> 1);
}

// Position of the highest set bit; 0 for 0.
inline std::uint32_t HighestBit(std::uint64_t value) {
  HLS_INLINE
  const bool upper_32 = (value >> 32) != 0;
  const std::uint32_t word = static_cast<std::uint32_t>(upper_32 ? value >> 32 : value);
  const bool upper_16 = (word >> 16) != 0;
  const std::uint32_t pair = upper_16 ? word >> 16 : word & 0xFFFF;
  const bool upper_8 = (pair >> 8) != 0;
  const std::uint32_t byte = upper_8 ? pair >> 8 : pair & 0xFF;
  return (upper_32 ? 32u : 0u) + (upper_16 ? 16u : 0u) + (upper_8 ? 8u : 0u) +
         HighestBitOfByte(byte);
}

// Rounds to 24 significant bits, half to even: what int32 to float32 does to a magnitude. Only the
// top byte decides how many bits are dropped.
inline std::uint32_t RoundToSignificand(std::uint32_t magnitude) {
  HLS_INLINE
  const std::uint32_t top = magnitude >> kSignificandBits;
  const std::uint32_t dropped = top == 0 ? 0 : HighestBitOfByte(top) + 1;
  const std::uint32_t unit = std::uint32_t{1} << dropped;
  const std::uint32_t rest = magnitude & (unit - 1);
  const std::uint32_t down = magnitude - rest;
  const std::uint32_t half = unit >> 1;
  const bool odd = (magnitude & unit) != 0;
  const bool up = rest > half || (rest == half && rest != 0 && odd);
  return up ? down + unit : down;
}

// How far the float32 rounding of a product may move it: half of its last bit.
inline std::uint64_t TieWindow(std::uint64_t product) {
  HLS_INLINE
  const std::uint32_t highest = HighestBit(product);
  return highest < kSignificandBits ? 0 : std::uint64_t{1} << (highest - kSignificandBits);
}

// clamp(round((float)sum * scale) + zero_point, minimum, maximum) with scale = multiplier *
// 2^-shift. multiplier < 2^24, shift 1 to 63; zero_point, minimum and maximum -128 to 127. Higher
// bits of multiplier and shift are ignored.
inline std::int8_t Requantise(std::int32_t sum, std::uint32_t multiplier, std::uint32_t shift,
                              std::int32_t zero_point, std::int32_t minimum, std::int32_t maximum) {
  HLS_INLINE
  const bool negative = sum < 0;
  const std::uint32_t bits = static_cast<std::uint32_t>(sum);
  const std::uint32_t magnitude = negative ? ~bits + 1 : bits;
  // The masks tell a compiler without arbitrary-width types how wide the multiplier is.
  const std::uint32_t significand = multiplier & ((std::uint32_t{1} << kSignificandBits) - 1);
  const std::uint64_t product = std::uint64_t{RoundToSignificand(magnitude)} * significand;
  const std::uint32_t rounded = RoundShift(product, shift, TieWindow(product));
  return FinishInt8(negative, rounded, zero_point, minimum, maximum);
}

// Requantise of sum + bias. The addition wraps, as MLAS's does.
inline std::int8_t RequantiseBiased(std::int32_t sum, std::int32_t bias, std::uint32_t multiplier,
                                    std::uint32_t shift, std::int32_t zero_point,
                                    std::int32_t minimum, std::int32_t maximum) {
  HLS_INLINE
  const std::uint32_t biased = static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(bias);
  return Requantise(static_cast<std::int32_t>(biased), multiplier, shift, zero_point, minimum,
                    maximum);
}

}  // namespace sluice

#endif  // SLUICE_HLS_REQUANTISE_REQUANTISE_HPP_
