// The kernels for AVX-512 with VNNI and VBMI. native/CMakeLists.txt compiles this source with the
// flags that the condition below names, where the compiler knows them.
#include "native/devices/simulator/kernels/kernels.hpp"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && \
    defined(__AVX512VNNI__) && defined(__AVX512VBMI__)

// GCC warns of its own header: what _mm512_undefined_epi32 leaves uninitialised on purpose.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "native/devices/simulator/kernels/dense.hpp"
#include "native/devices/simulator/kernels/lanes_256.hpp"
#include "native/devices/simulator/kernels/plain_loops.hpp"

namespace sluice::simulator {
namespace {

// Words of 8: half a vector, whose instructions AVX-512 has as well.
struct QuadLanes256 : Lanes256 {
  static constexpr std::size_t kGroup = 4;
  using Activation = std::uint8_t;

  static Weights LoadWeights(const std::int8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static __m256i LoadBroadcast(const std::uint8_t* from) { return Broadcast(from); }
  static Sums Accumulate(Sums sums, __m256i activations, Weights weights) {
    return _mm256_dpbusd_epi32(sums, activations, weights);
  }
};

// Sixteen int32 sums of four products each step.
struct QuadLanes512 {
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kGroup = 4;
  using Activation = std::uint8_t;
  using Sums = __m512i;
  using Weights = __m512i;

  static Sums Zero() { return _mm512_setzero_si512(); }
  static Weights LoadWeights(const std::int8_t* from) { return _mm512_loadu_si512(from); }
  static __m512i LoadBroadcast(const std::uint8_t* from) {
    std::int32_t bits;
    std::memcpy(&bits, from, sizeof bits);
    return _mm512_set1_epi32(bits);
  }
  static Sums Accumulate(Sums sums, __m512i activations, Weights weights) {
    return _mm512_dpbusd_epi32(sums, activations, weights);
  }
  static void Requantise(Sums sums, const std::int32_t* bias, const float* scale,
                         const sluice::simulator::Requantisation& how, std::uint8_t* output) {
    const __m512i biased = _mm512_add_epi32(sums, _mm512_loadu_si512(bias));
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(biased), _mm512_loadu_ps(scale));
    const __m512 clamped =
        _mm512_min_ps(_mm512_max_ps(scaled, _mm512_set1_ps(how.low)), _mm512_set1_ps(how.high));
    const __m512i result =
        _mm512_add_epi32(_mm512_cvtps_epi32(clamped), _mm512_set1_epi32(how.biased_zero_point));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(output), _mm512_cvtepi32_epi8(result));
  }
};

// Byte 4 * l + k of the result is byte l of word k.
alignas(64) constexpr std::uint8_t kTransposeWords[64] = {
    0,  16, 32, 48, 1,  17, 33, 49, 2,  18, 34, 50, 3,  19, 35, 51, 4,  20, 36, 52, 5,  21,
    37, 53, 6,  22, 38, 54, 7,  23, 39, 55, 8,  24, 40, 56, 9,  25, 41, 57, 10, 26, 42, 58,
    11, 27, 43, 59, 12, 28, 44, 60, 13, 29, 45, 61, 14, 30, 46, 62, 15, 31, 47, 63};

template <std::size_t kColumns>
inline void DepthwiseQuads(const DepthwiseTile& tile, std::uint32_t first) {
  using Vector = QuadLanes512;
  const __m512i transpose = _mm512_load_si512(kTransposeWords);
  __m512i sums[kColumns];
#pragma GCC unroll 8
  for (std::size_t n = 0; n < kColumns; ++n) sums[n] = Vector::Zero();
  const std::int8_t* weights = tile.weights;
  for (std::uint32_t ky = 0; ky < tile.kernel_rows; ++ky) {
    const std::uint8_t* row = tile.rows[ky] + first * tile.step_bytes;
    for (std::uint32_t kx = 0; kx < tile.kernel_columns; kx += 4) {
      const std::uint32_t left = tile.kernel_columns - kx;
      // Only what the taps read: beyond may be another thread's output.
      const __mmask64 read = left >= 4 ? ~__mmask64{0} : (__mmask64{1} << (left * 16)) - 1;
      const __m512i taps = Vector::LoadWeights(weights);
      weights += 64;
#pragma GCC unroll 8
      for (std::size_t n = 0; n < kColumns; ++n) {
        const __m512i words = _mm512_maskz_loadu_epi8(read, row + n * tile.step_bytes + kx * 16);
        sums[n] = Vector::Accumulate(sums[n], _mm512_permutexvar_epi8(transpose, words), taps);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t n = 0; n < kColumns; ++n) {
    Vector::Requantise(sums[n], tile.bias, tile.scale, tile.requantisation,
                       tile.output + (first + n) * 16);
  }
}

void Depthwise512(const DepthwiseTile& tile) {
  constexpr void (*kLoops[])(const DepthwiseTile&, std::uint32_t) = {
      DepthwiseQuads<1>, DepthwiseQuads<2>, DepthwiseQuads<3>, DepthwiseQuads<4>,
      DepthwiseQuads<5>, DepthwiseQuads<6>, DepthwiseQuads<7>, DepthwiseQuads<8>};
  const std::uint32_t half = tile.columns > 8 ? tile.columns / 2 : 0;
  if (half != 0) kLoops[half - 1](tile, 0);
  kLoops[tile.columns - half - 1](tile, half);
}

// As PackLoop<16, 4>: dword [l][j / 4] of the tile goes to [j / 4][l].
void Pack512(const std::uint8_t* tile, std::int8_t* packed, std::int16_t* sums) {
  // Of eight rows of four dwords: the first two dwords of each, then the last two.
  const __m512i first_two =
      _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
  const __m512i last_two = _mm512_add_epi32(first_two, _mm512_set1_epi32(2));
  const __m512i rows_0 = _mm512_loadu_si512(tile);
  const __m512i rows_4 = _mm512_loadu_si512(tile + 64);
  const __m512i rows_8 = _mm512_loadu_si512(tile + 128);
  const __m512i rows_12 = _mm512_loadu_si512(tile + 192);
  const __m512i upper_01 = _mm512_permutex2var_epi32(rows_0, first_two, rows_4);
  const __m512i upper_23 = _mm512_permutex2var_epi32(rows_0, last_two, rows_4);
  const __m512i lower_01 = _mm512_permutex2var_epi32(rows_8, first_two, rows_12);
  const __m512i lower_23 = _mm512_permutex2var_epi32(rows_8, last_two, rows_12);
  const __m512i groups[] = {_mm512_shuffle_i64x2(upper_01, lower_01, 0x44),
                            _mm512_shuffle_i64x2(upper_01, lower_01, 0xEE),
                            _mm512_shuffle_i64x2(upper_23, lower_23, 0x44),
                            _mm512_shuffle_i64x2(upper_23, lower_23, 0xEE)};
  __m512i totals = _mm512_setzero_si512();
  for (std::size_t group = 0; group < 4; ++group) {
    totals = _mm512_dpbusd_epi32(totals, _mm512_set1_epi8(1), groups[group]);
    _mm512_storeu_si512(packed + group * 64, groups[group]);
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), _mm512_cvtepi32_epi16(totals));
}

// Both halves of the table in registers; the index's highest bit chooses one.
void LookUp512(const std::uint8_t* table, std::uint8_t* bytes, std::size_t size) {
  const __m512i first = _mm512_loadu_si512(table);
  const __m512i second = _mm512_loadu_si512(table + 64);
  const __m512i third = _mm512_loadu_si512(table + 128);
  const __m512i fourth = _mm512_loadu_si512(table + 192);
  for (std::size_t i = 0; i < size; i += 64) {
    const std::size_t left = size - i;
    const __mmask64 mask = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    const __m512i indices = _mm512_maskz_loadu_epi8(mask, bytes + i);
    const __m512i lower = _mm512_permutex2var_epi8(first, indices, second);
    const __m512i upper = _mm512_permutex2var_epi8(third, indices, fourth);
    const __m512i found = _mm512_mask_blend_epi8(_mm512_movepi8_mask(indices), lower, upper);
    _mm512_mask_storeu_epi8(bytes + i, mask, found);
  }
}

constexpr Kernels MakeKernels8() {
  Kernels kernels = PlainKernels<8, QuadLanes256::kGroup>();
  UseDense<QuadLanes256, 8, 12, 2>(kernels);
  UseDepthwise256<8>(kernels);
  kernels.look_up = LookUp512;
  return kernels;
}

constexpr Kernels MakeKernels16() {
  Kernels kernels = PlainKernels<16, QuadLanes512::kGroup>();
  UseDense<QuadLanes512, 16, 12, 2>(kernels);
  kernels.depthwise_group = 4;
  kernels.depthwise = Depthwise512;
  kernels.pack = Pack512;
  kernels.look_up = LookUp512;
  return kernels;
}

constexpr KernelSet kSet{"avx512-vnni", MakeKernels8(), MakeKernels16()};

}  // namespace

const KernelSet* const kAvx512Kernels = &kSet;

}  // namespace sluice::simulator

#else

namespace sluice::simulator {

const KernelSet* const kAvx512Kernels = nullptr;

}  // namespace sluice::simulator

#endif
