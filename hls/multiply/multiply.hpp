// Multiply-accumulate with two int8 products in one multiplier. README.md has the sums.
#ifndef SLUICE_HLS_MULTIPLY_MULTIPLY_HPP_
#define SLUICE_HLS_MULTIPLY_MULTIPLY_HPP_

#include <cstdint>

#include "hls/lane_words.hpp"
#include "hls/portability.hpp"

namespace sluice {

// Quantised weights leave out -128, activations don't.
constexpr std::int32_t kWeightMost = 127;
constexpr std::int32_t kActivationMost = 128;
constexpr std::int64_t kProductMost = std::int64_t{kWeightMost} * kActivationMost;
// The smaller operand of every DSP slice, signed.
constexpr std::uint32_t kActivationPortBits = 18;
static_assert(kActivationMost <= std::int64_t{1} << (kActivationPortBits - 1),
              "an activation fits the smaller operand");
static_assert((std::int64_t{-1} >> 1) == -1, "right shifts of negative numbers keep the sign");

// How two products share a multiplier whose larger operand has `PortBits`: 27 in a DSP48E2, 25 in a
// DSP48E1. `kFieldBits` is the low product's field; the high product stands above it. `kCascade`
// products are summed before the fields are split.
template <std::uint32_t PortBits>
struct Packing;

template <>
struct Packing<27> {
  static constexpr std::uint32_t kFieldBits = 18;
  static constexpr std::uint32_t kCascade = 8;
};

template <>
struct Packing<25> {
  static constexpr std::uint32_t kFieldBits = 17;
  static constexpr std::uint32_t kCascade = 4;
};

// What must hold of a packing, and the unit of its high field.
template <std::uint32_t PortBits>
struct Fields : Packing<PortBits> {
  using Packing<PortBits>::kFieldBits;
  using Packing<PortBits>::kCascade;
  static constexpr std::int64_t kUnit = std::int64_t{1} << kFieldBits;
  static constexpr std::int64_t kMost = kUnit / 2 - 1;
  static_assert(kCascade * kProductMost <= kMost, "the low field holds a cascade");
  static_assert(2 * kCascade * kProductMost > kMost, "one twice as long would not fit");
  static_assert(kWeightMost * kUnit + kWeightMost < std::int64_t{1} << (PortBits - 1),
                "a pair of weights fits the multiplier's larger operand");
  static_assert(kCascade * (kProductMost * kUnit + kProductMost) < std::int64_t{1} << 47,
                "a cascade fits the 48-bit accumulator");
};

// Two sums that share their activations. In this order a compiler that passes the pair as one word
// has it as the tops do, and needs no rotation.
struct PairSum {
  std::int32_t low;
  std::int32_t high;
};

// weight_high * activation * 2^kFieldBits + weight_low * activation, from one multiplication.
// Weights -127 to 127.
template <std::uint32_t PortBits>
inline std::int64_t PackedProductPair(std::int8_t weight_high, std::int8_t weight_low,
                                      std::int8_t activation) {
  HLS_INLINE
  const std::int32_t weights =
      weight_high * static_cast<std::int32_t>(Fields<PortBits>::kUnit) + weight_low;
  return std::int64_t{weights} * activation;
}

// The low field, with its sign, of a cascade of packed products.
template <std::uint32_t PortBits>
inline std::int32_t LowField(std::int64_t packed) {
  HLS_INLINE
  const std::int64_t sign = Fields<PortBits>::kUnit / 2;
  return static_cast<std::int32_t>(((packed & (Fields<PortBits>::kUnit - 1)) ^ sign) - sign);
}

// The field above it: a negative low field has borrowed one.
template <std::uint32_t PortBits>
inline std::int32_t HighField(std::int64_t packed) {
  HLS_INLINE
  const std::int64_t borrowed = (packed >> (Fields<PortBits>::kFieldBits - 1)) & 1;
  return static_cast<std::int32_t>((packed >> Fields<PortBits>::kFieldBits) + borrowed);
}

template <std::uint32_t PortBits>
inline PairSum SplitFields(std::int64_t packed) {
  HLS_INLINE
  return PairSum{LowField<PortBits>(packed), HighField<PortBits>(packed)};
}

// The int8 in byte `Index` of a word.
template <std::uint32_t Index>
inline std::int8_t Lane(std::uint64_t word) {
  HLS_INLINE
  static_assert(Index < kWordLanes, "eight lanes a word");
  return static_cast<std::int8_t>(static_cast<std::uint8_t>(word >> (8 * Index)));
}

template <std::uint32_t PortBits, std::uint32_t Index>
inline std::int64_t PackedProductOfLane(std::uint64_t weights_high, std::uint64_t weights_low,
                                        std::uint64_t activations) {
  HLS_INLINE
  return PackedProductPair<PortBits>(Lane<Index>(weights_high), Lane<Index>(weights_low),
                                     Lane<Index>(activations));
}

// The packed products of four neighbouring lanes.
template <std::uint32_t PortBits, std::uint32_t First>
inline std::int64_t PackedProductOfLanes(std::uint64_t weights_high, std::uint64_t weights_low,
                                         std::uint64_t activations) {
  HLS_INLINE
  return PackedProductOfLane<PortBits, First>(weights_high, weights_low, activations) +
         PackedProductOfLane<PortBits, First + 1>(weights_high, weights_low, activations) +
         PackedProductOfLane<PortBits, First + 2>(weights_high, weights_low, activations) +
         PackedProductOfLane<PortBits, First + 3>(weights_high, weights_low, activations);
}

// int32 addition that wraps, as an accumulator does.
inline std::int32_t AddWrapping(std::int32_t left, std::int32_t right) {
  HLS_INLINE
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(left) +
                                   static_cast<std::uint32_t>(right));
}

inline PairSum AddPairs(PairSum left, PairSum right) {
  HLS_INLINE
  return PairSum{AddWrapping(left.low, right.low), AddWrapping(left.high, right.high)};
}

// Sums of a word: of one cascade of eight lanes, or of two of four.
template <std::uint32_t Cascade>
struct WordSums;

template <>
struct WordSums<8> {
  template <std::uint32_t PortBits>
  static PairSum Of(std::int64_t lower, std::int64_t upper) {
    HLS_INLINE
    return SplitFields<PortBits>(lower + upper);
  }
};

template <>
struct WordSums<4> {
  template <std::uint32_t PortBits>
  static PairSum Of(std::int64_t lower, std::int64_t upper) {
    HLS_INLINE
    return AddPairs(SplitFields<PortBits>(lower), SplitFields<PortBits>(upper));
  }
};

// Dot products of one word of activations with two words of weights (-127 to 127).
template <std::uint32_t PortBits>
inline PairSum PairDotProduct8(std::uint64_t weights_high, std::uint64_t weights_low,
                               std::uint64_t activations) {
  HLS_INLINE
  return WordSums<Fields<PortBits>::kCascade>::template Of<PortBits>(
      PackedProductOfLanes<PortBits, 0>(weights_high, weights_low, activations),
      PackedProductOfLanes<PortBits, 4>(weights_high, weights_low, activations));
}

// The same over two words: scalars, so that no compiler sees a memory.
template <std::uint32_t PortBits>
inline PairSum PairDotProduct16(std::uint64_t weights_high_0, std::uint64_t weights_high_1,
                                std::uint64_t weights_low_0, std::uint64_t weights_low_1,
                                std::uint64_t activations_0, std::uint64_t activations_1) {
  HLS_INLINE
  return AddPairs(PairDotProduct8<PortBits>(weights_high_0, weights_low_0, activations_0),
                  PairDotProduct8<PortBits>(weights_high_1, weights_low_1, activations_1));
}

// Dot products of 8 or 16 activations with two sets of weights (-127 to 127): one multiplier for
// each activation.
template <std::uint32_t PortBits>
inline PairSum PairDotProduct(const LaneWords<8>& weights_high, const LaneWords<8>& weights_low,
                              const LaneWords<8>& activations) {
  HLS_INLINE
  return PairDotProduct8<PortBits>(weights_high.word[0], weights_low.word[0], activations.word[0]);
}

template <std::uint32_t PortBits>
inline PairSum PairDotProduct(const LaneWords<16>& weights_high, const LaneWords<16>& weights_low,
                              const LaneWords<16>& activations) {
  HLS_INLINE
  return PairDotProduct16<PortBits>(weights_high.word[0], weights_high.word[1], weights_low.word[0],
                                    weights_low.word[1], activations.word[0], activations.word[1]);
}

}  // namespace sluice

#endif  // SLUICE_HLS_MULTIPLY_MULTIPLY_HPP_
