// What the kernels with vectors of 256 bits have in common. Internal linkage, as in
// plain_loops.hpp.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_LANES_256_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_LANES_256_HPP_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "native/devices/simulator/kernels/kernels.hpp"

namespace sluice::simulator {
namespace {

// Eight int32 sums.
struct Lanes256 {
  static constexpr std::size_t kLanes = 8;
  using Sums = __m256i;
  using Weights = __m256i;

  static Sums Zero() { return _mm256_setzero_si256(); }

  // Four bytes, or two 16-bit numbers, in every lane.
  static __m256i Broadcast(const void* from) {
    std::int32_t bits;
    std::memcpy(&bits, from, sizeof bits);
    return _mm256_set1_epi32(bits);
  }

  // Writes eight bytes. The clamp comes before the conversion, so that nothing leaves int32.
  static void Requantise(Sums sums, const std::int32_t* bias, const float* scale,
                         const sluice::simulator::Requantisation& how, std::uint8_t* output) {
    const __m256i biased =
        _mm256_add_epi32(sums, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias)));
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(biased), _mm256_loadu_ps(scale));
    const __m256 clamped =
        _mm256_min_ps(_mm256_max_ps(scaled, _mm256_set1_ps(how.low)), _mm256_set1_ps(how.high));
    const __m256i result =
        _mm256_add_epi32(_mm256_cvtps_epi32(clamped), _mm256_set1_epi32(how.biased_zero_point));
    const __m128i words =
        _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(output), _mm_packus_epi16(words, words));
  }
};

// Products of 16-bit numbers, two to a lane.
struct PairLanes256 : Lanes256 {
  static constexpr std::size_t kGroup = 2;
  using Activation = std::uint16_t;

  static Weights LoadWeights(const std::int8_t* from) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static __m256i LoadBroadcast(const std::uint16_t* from) { return Broadcast(from); }
  static Sums Accumulate(Sums sums, __m256i activations, Weights weights) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(activations, weights));
  }
};

// Pairs of taps that lie next to each other, as 16-bit numbers: lanes 0 to 7 and 8 to 15.
struct TapPair {
  __m256i lower;
  __m256i upper;
};

template <std::size_t kWidth>
inline TapPair LoadTaps(const std::uint8_t* left, const std::uint8_t* right) {
  if constexpr (kWidth == 16) {
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(left));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(right));
    return TapPair{_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)),
                   _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b))};
  } else {
    const __m128i a = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(left));
    const __m128i b = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(right));
    return TapPair{_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)), _mm256_setzero_si256()};
  }
}

// `kColumns` columns from the first on; their sums stay in registers.
template <std::size_t kWidth, std::size_t kColumns>
inline void DepthwisePairs(const DepthwiseTile& tile, std::uint32_t first) {
  using Vector = PairLanes256;
  constexpr std::size_t kParts = kWidth / Vector::kLanes;
  __m256i sums[kColumns][2];
#pragma GCC unroll 4
  for (std::size_t n = 0; n < kColumns; ++n) sums[n][0] = sums[n][1] = Vector::Zero();
  const std::int8_t* weights = tile.weights;
  for (std::uint32_t ky = 0; ky < tile.kernel_rows; ++ky) {
    const std::uint8_t* row = tile.rows[ky] + first * tile.step_bytes;
    for (std::uint32_t kx = 0; kx < tile.kernel_columns; kx += 2) {
      // The last tap of an odd row stands twice, the second time with a weight of 0.
      const std::uint32_t next = kx + 1 < tile.kernel_columns ? kx + 1 : kx;
      const __m256i lower = Vector::LoadWeights(weights);
      const __m256i upper = kParts == 2 ? Vector::LoadWeights(weights + 16) : Vector::Zero();
      weights += 2 * kWidth;
#pragma GCC unroll 4
      for (std::size_t n = 0; n < kColumns; ++n) {
        const std::uint8_t* words = row + n * tile.step_bytes;
        const TapPair taps = LoadTaps<kWidth>(words + kx * kWidth, words + next * kWidth);
        sums[n][0] = Vector::Accumulate(sums[n][0], taps.lower, lower);
        if constexpr (kParts == 2) sums[n][1] = Vector::Accumulate(sums[n][1], taps.upper, upper);
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t n = 0; n < kColumns; ++n) {
    for (std::size_t part = 0; part < kParts; ++part) {
      const std::size_t lane = part * Vector::kLanes;
      Vector::Requantise(sums[n][part], tile.bias + lane, tile.scale + lane, tile.requantisation,
                         tile.output + (first + n) * kWidth + lane);
    }
  }
}

template <std::size_t kWidth>
void Depthwise256(const DepthwiseTile& tile) {
  std::uint32_t column = 0;
  for (; column + 4 <= tile.columns; column += 4) DepthwisePairs<kWidth, 4>(tile, column);
  for (; column < tile.columns; ++column) DepthwisePairs<kWidth, 1>(tile, column);
}

template <std::size_t kWidth>
constexpr void UseDepthwise256(Kernels& kernels) {
  kernels.depthwise_group = 2;
  kernels.depthwise = Depthwise256<kWidth>;
}

}  // namespace
}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_LANES_256_HPP_
