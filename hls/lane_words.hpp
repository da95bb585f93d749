// int8 lanes in 64-bit words, lowest byte first: a form in which every memory and bus is read and
// written in whole, aligned words.
#ifndef SLUICE_HLS_LANE_WORDS_HPP_
#define SLUICE_HLS_LANE_WORDS_HPP_

#include <cstdint>

#include "hls/portability.hpp"

namespace sluice {

// int8 values in one 64-bit word.
constexpr std::uint32_t kWordLanes = 8;

// `Lanes` int8 values, eight to a word.
template <std::uint32_t Lanes>
struct LaneWords {
  static_assert(Lanes % kWordLanes == 0 && Lanes > 0, "whole words");
  static constexpr std::uint32_t kWords = Lanes / kWordLanes;
  std::uint64_t word[kWords];
};

// Copies word by word. The copy of a struct is one of a block of bytes, for which an HLS compiler
// may build a loop over them.
inline void CopyLanes(const LaneWords<8>& from, LaneWords<8>& to) {
  HLS_INLINE
  to.word[0] = from.word[0];
}

inline void CopyLanes(const LaneWords<16>& from, LaneWords<16>& to) {
  HLS_INLINE
  const std::uint64_t first = from.word[0];
  const std::uint64_t second = from.word[1];
  to.word[0] = first;
  to.word[1] = second;
}

template <std::uint32_t Lanes>
inline std::uint8_t ByteOf(const LaneWords<Lanes>& words, std::uint32_t lane) {
  HLS_INLINE
  return static_cast<std::uint8_t>(words.word[lane / kWordLanes] >> lane % kWordLanes * 8);
}

template <std::uint32_t Lanes>
inline std::int8_t LaneOf(const LaneWords<Lanes>& words, std::uint32_t lane) {
  HLS_INLINE
  return static_cast<std::int8_t>(ByteOf(words, lane));
}

// 32 bits from the lane `first_lane` on, a multiple of 4.
template <std::uint32_t Lanes>
inline std::uint32_t Word32Of(const LaneWords<Lanes>& words, std::uint32_t first_lane) {
  HLS_INLINE
  return static_cast<std::uint32_t>(words.word[first_lane / kWordLanes] >>
                                    first_lane % kWordLanes * 8);
}

// Every lane the same.
template <std::uint32_t Lanes>
inline LaneWords<Lanes> FilledLanes(std::int8_t value) {
  HLS_INLINE
  LaneWords<Lanes> words;
  HLS_LABEL(fill_words)
  for (std::uint32_t word = 0; word < LaneWords<Lanes>::kWords; ++word) {
    HLS_UNROLL
    words.word[word] = std::uint64_t{static_cast<std::uint8_t>(value)} * 0x0101010101010101u;
  }
  return words;
}

template <std::uint32_t Lanes>
inline LaneWords<Lanes> PackLanes(const std::int8_t (&lanes)[Lanes]) {
  HLS_INLINE
  LaneWords<Lanes> packed;
  HLS_LABEL(pack_words)
  for (std::uint32_t word = 0; word < LaneWords<Lanes>::kWords; ++word) {
    HLS_UNROLL
    std::uint64_t bits = 0;
    HLS_LABEL(pack_bytes)
    for (std::uint32_t byte = 0; byte < kWordLanes; ++byte) {
      HLS_UNROLL
      const std::uint8_t lane = static_cast<std::uint8_t>(lanes[word * kWordLanes + byte]);
      bits |= static_cast<std::uint64_t>(lane) << 8 * byte;
    }
    packed.word[word] = bits;
  }
  return packed;
}

}  // namespace sluice

#endif  // SLUICE_HLS_LANE_WORDS_HPP_
