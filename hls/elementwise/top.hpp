// Tops of the element-wise datapaths for any HLS compiler: scalars by value in, a scalar out.
#ifndef SLUICE_HLS_ELEMENTWISE_TOP_HPP_
#define SLUICE_HLS_ELEMENTWISE_TOP_HPP_

#include <cstdint>

extern "C" {

// AddTerms. shift 1 to 30, window 0 to 15.
std::int8_t sluice_add_terms(std::int32_t term_a, std::int32_t term_b, std::uint8_t shift,
                             std::uint8_t window, std::int8_t zero_point, std::int8_t minimum,
                             std::int8_t maximum);

// MultiplyElements. multiplier < 2^24, shift 1 to 63.
std::int8_t sluice_multiply_elements(std::int8_t a, std::int8_t a_zero, std::int8_t b,
                                     std::int8_t b_zero, std::uint32_t multiplier,
                                     std::uint8_t shift, std::int8_t zero_point,
                                     std::int8_t minimum, std::int8_t maximum);

// PoolMaximum.
std::int8_t sluice_pool_maximum(std::int8_t left, std::int8_t right);

// Clamp.
std::int8_t sluice_clamp(std::int8_t value, std::int8_t minimum, std::int8_t maximum);

// TableIndex.
std::uint8_t sluice_table_index(std::int8_t value);

}  // extern "C"

#endif  // SLUICE_HLS_ELEMENTWISE_TOP_HPP_
