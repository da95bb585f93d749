// Tops of the requantiser for any HLS compiler: scalars by value in, a scalar out.
#ifndef SLUICE_HLS_REQUANTISE_TOP_HPP_
#define SLUICE_HLS_REQUANTISE_TOP_HPP_

#include <cstdint>

extern "C" {

// Requantise. multiplier < 2^24, shift 1 to 63.
std::int8_t sluice_requantise(std::int32_t sum, std::uint32_t multiplier, std::uint8_t shift,
                              std::int8_t zero_point, std::int8_t minimum, std::int8_t maximum);

// RequantiseBiased.
std::int8_t sluice_requantise_biased(std::int32_t sum, std::int32_t bias, std::uint32_t multiplier,
                                     std::uint8_t shift, std::int8_t zero_point,
                                     std::int8_t minimum, std::int8_t maximum);

}  // extern "C"

#endif  // SLUICE_HLS_REQUANTISE_TOP_HPP_
