// Element-wise multiplication of two int8 tensors: the int32 product through the requantiser.
#ifndef SLUICE_HLS_ELEMENTWISE_MULTIPLY_ELEMENTS_HPP_
#define SLUICE_HLS_ELEMENTWISE_MULTIPLY_ELEMENTS_HPP_

#include <cstdint>

#include "hls/portability.hpp"
#include "hls/requantise/requantise.hpp"

namespace sluice {

// Requantise of (a - a_zero) * (b - b_zero); zero points -128 to 127, the rest as for Requantise.
inline std::int8_t MultiplyElements(std::int8_t a, std::int32_t a_zero, std::int8_t b,
                                    std::int32_t b_zero, std::uint32_t multiplier,
                                    std::uint32_t shift, std::int32_t zero_point,
                                    std::int32_t minimum, std::int32_t maximum) {
  HLS_INLINE
  return Requantise((a - a_zero) * (b - b_zero), multiplier, shift, zero_point, minimum, maximum);
}

}  // namespace sluice

#endif  // SLUICE_HLS_ELEMENTWISE_MULTIPLY_ELEMENTS_HPP_
