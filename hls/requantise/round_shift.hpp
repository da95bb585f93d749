// Division by a power of two, half to even, with a window of near-ties. Serves the requantiser and
// the table add.
#ifndef SLUICE_HLS_REQUANTISE_ROUND_SHIFT_HPP_
#define SLUICE_HLS_REQUANTISE_ROUND_SHIFT_HPP_

#include <cstdint>

#include "hls/portability.hpp"

namespace sluice {

// Bits of the quotient that are kept: enough to be beyond every int8 whatever the zero point is,
// |-128 - 127| = 255 < 2^8.
constexpr std::uint32_t kQuotientBits = 8;
constexpr std::uint32_t kQuotientSaturated = std::uint32_t{1} << kQuotientBits;
static_assert(kQuotientSaturated > 128 + 127, "a saturated quotient saturates every int8 result");

// round(magnitude * 2^-shift) up to kQuotientSaturated, which stands for everything above. Halves,
// and what lies within `window` of them, go to the even neighbour. shift is 1 to 63.
inline std::uint32_t RoundShift(std::uint64_t magnitude, std::uint32_t shift,
                                std::uint64_t window) {
  HLS_INLINE
  // A mask made from the one-hot divisor, so the shifter below is the only one and 8 bits wide.
  const std::uint64_t divisor = std::uint64_t{1} << (shift & 63);
  const std::uint64_t fraction_mask = divisor - 1;
  const std::uint64_t kept_mask = (fraction_mask << kQuotientBits) | (kQuotientSaturated - 1);
  const bool beyond = (magnitude & ~kept_mask) != 0;
  const std::uint32_t quotient =
      static_cast<std::uint32_t>(magnitude >> (shift & 63)) & (kQuotientSaturated - 1);
  const std::uint64_t half = divisor >> 1;
  const std::uint64_t rest = magnitude & fraction_mask;
  const std::uint64_t distance = rest > half ? rest - half : half - rest;
  const bool up = distance <= window ? (quotient & 1) != 0 : rest > half;
  return beyond ? kQuotientSaturated : quotient + (up ? 1u : 0u);
}

// clamp(+-rounded + zero_point, minimum, maximum); rounded at most kQuotientSaturated, the others
// -128 to 127.
inline std::int8_t FinishInt8(bool negative, std::uint32_t rounded, std::int32_t zero_point,
                              std::int32_t minimum, std::int32_t maximum) {
  HLS_INLINE
  const std::int32_t distance = static_cast<std::int32_t>(rounded);
  const std::int32_t shifted = (negative ? -distance : distance) + zero_point;
  const std::int32_t raised = shifted < minimum ? minimum : shifted;
  return static_cast<std::int8_t>(raised > maximum ? maximum : raised);
}

}  // namespace sluice

#endif  // SLUICE_HLS_REQUANTISE_ROUND_SHIFT_HPP_
