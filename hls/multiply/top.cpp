#include "hls/multiply/top.hpp"

#include "hls/multiply/multiply.hpp"
#include "hls/portability.hpp"

namespace {

// The slice that the tops without a suffix are for.
constexpr std::uint32_t kPortBits = 27;

std::uint64_t Packed(sluice::PairSum sums) {
  HLS_INLINE
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(sums.high)) << 32 |
         static_cast<std::uint32_t>(sums.low);
}

sluice::PairSum Unpacked(std::uint64_t sums) {
  HLS_INLINE
  return sluice::PairSum{static_cast<std::int32_t>(static_cast<std::uint32_t>(sums)),
                         static_cast<std::int32_t>(static_cast<std::uint32_t>(sums >> 32))};
}

}  // namespace

extern "C" {

std::int64_t sluice_packed_product(std::int8_t weight_high, std::int8_t weight_low,
                                   std::int8_t activation) {
  HLS_PIPELINE(1)
  return sluice::PackedProductPair<kPortBits>(weight_high, weight_low, activation);
}

std::uint64_t sluice_dot_product_pair(std::uint64_t weights_high, std::uint64_t weights_low,
                                      std::uint64_t activations) {
  HLS_PIPELINE(1)
  return Packed(sluice::PairDotProduct8<kPortBits>(weights_high, weights_low, activations));
}

std::uint64_t sluice_multiply_accumulate(std::uint64_t weights_high, std::uint64_t weights_low,
                                         std::uint64_t activations, std::uint64_t accumulators) {
  HLS_PIPELINE(1)
  return Packed(
      sluice::AddPairs(Unpacked(accumulators),
                       sluice::PairDotProduct8<kPortBits>(weights_high, weights_low, activations)));
}

std::uint64_t sluice_dot_product_pair_16(std::uint64_t weights_high_0, std::uint64_t weights_high_1,
                                         std::uint64_t weights_low_0, std::uint64_t weights_low_1,
                                         std::uint64_t activations_0, std::uint64_t activations_1) {
  HLS_PIPELINE(1)
  return Packed(sluice::PairDotProduct16<kPortBits>(weights_high_0, weights_high_1, weights_low_0,
                                                    weights_low_1, activations_0, activations_1));
}

std::uint64_t sluice_dot_product_pair_25(std::uint64_t weights_high, std::uint64_t weights_low,
                                         std::uint64_t activations) {
  HLS_PIPELINE(1)
  return Packed(sluice::PairDotProduct8<25>(weights_high, weights_low, activations));
}

}  // extern "C"
