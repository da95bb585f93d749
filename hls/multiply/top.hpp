// Tops of the multiply-accumulate slice for any HLS compiler: scalars by value in, a scalar out.
// Words hold eight int8, lowest byte first; weights are -127 to 127.
#ifndef SLUICE_HLS_MULTIPLY_TOP_HPP_
#define SLUICE_HLS_MULTIPLY_TOP_HPP_

#include <cstdint>

extern "C" {

// PackedProductPair.
std::int64_t sluice_packed_product(std::int8_t weight_high, std::int8_t weight_low,
                                   std::int8_t activation);

// PairDotProduct8: the high sum in the upper 32 bits of the result, the low one in the lower.
std::uint64_t sluice_dot_product_pair(std::uint64_t weights_high, std::uint64_t weights_low,
                                      std::uint64_t activations);

// PairDotProduct8 added to two accumulators, packed as the result is; each wraps on its own.
std::uint64_t sluice_multiply_accumulate(std::uint64_t weights_high, std::uint64_t weights_low,
                                         std::uint64_t activations, std::uint64_t accumulators);

// The same in the narrower slice of the 7 series: two cascades of four.
std::uint64_t sluice_dot_product_pair_25(std::uint64_t weights_high, std::uint64_t weights_low,
                                         std::uint64_t activations);

// PairDotProduct16: _0 is the word of the first eight lanes.
std::uint64_t sluice_dot_product_pair_16(std::uint64_t weights_high_0, std::uint64_t weights_high_1,
                                         std::uint64_t weights_low_0, std::uint64_t weights_low_1,
                                         std::uint64_t activations_0, std::uint64_t activations_1);

}  // extern "C"

#endif  // SLUICE_HLS_MULTIPLY_TOP_HPP_
