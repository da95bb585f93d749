// Loops that the compiler vectorises by itself. Everything has internal linkage: each source that
// includes this is compiled for other instructions, and the linker must not mix them.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_PLAIN_LOOPS_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_PLAIN_LOOPS_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "native/devices/simulator/kernels/kernels.hpp"

namespace sluice::simulator {
namespace {

// Bytes that element-wise loops take at once: their results wait beside the output, which may be
// the operand.
constexpr std::size_t kSpanBytes = 256;

// Nearest integer, half to even, of |value| < 2^22: adding 1.5 * 2^23 leaves no bits for a
// fraction.
inline std::int32_t RoundHalfEven(float value) {
  constexpr float kNoFraction = 12582912.0f;
  return static_cast<std::int32_t>((value + kNoFraction) - kNoFraction);
}

inline std::uint8_t Requantise(std::int32_t sum, float scale, const Requantisation& how) {
  float value = static_cast<float>(sum) * scale;
  value = value < how.low ? how.low : value;
  value = value > how.high ? how.high : value;
  return static_cast<std::uint8_t>(RoundHalfEven(value) + how.biased_zero_point);
}

// One tap of a pool: the larger of what is there and what the columns read.
template <std::size_t kWidth>
inline void TakeMaximum(const std::uint8_t* from, std::size_t step_bytes, std::uint32_t columns,
                        std::uint8_t* best) {
  if (step_bytes == kWidth) {
    const std::size_t bytes = columns * kWidth;
    for (std::size_t i = 0; i < bytes; ++i) best[i] = from[i] > best[i] ? from[i] : best[i];
    return;
  }
  for (std::uint32_t column = 0; column < columns; ++column) {
    const std::uint8_t* word = from + column * step_bytes;
    std::uint8_t* kept = best + column * kWidth;
    for (std::size_t l = 0; l < kWidth; ++l) kept[l] = word[l] > kept[l] ? word[l] : kept[l];
  }
}

template <std::size_t kWidth>
void PoolTileLoop(const PoolTile& tile) {
  std::uint8_t best[kWindowColumnsMax * kWidth];
  const std::size_t bytes = tile.columns * kWidth;
  std::memset(best, tile.low, bytes);
  for (std::uint32_t ky = 0; ky < tile.kernel_rows; ++ky) {
    for (std::uint32_t kx = 0; kx < tile.kernel_columns; ++kx) {
      TakeMaximum<kWidth>(tile.rows[ky] + kx * kWidth, tile.step_bytes, tile.columns, best);
    }
  }
  for (std::size_t i = 0; i < bytes; ++i) {
    best[i] = best[i] > tile.high ? tile.high : best[i];
  }
  std::memcpy(tile.output, best, bytes);
}

// ADD's rounding of hls/isa/README.md in the integers of one width.
template <class Signed, class Unsigned>
inline std::uint8_t RoundTerm(Signed term, const AddSpan& span) {
  const Signed sign = static_cast<Signed>(term < 0 ? -1 : 0);
  const Unsigned magnitude = static_cast<Unsigned>((term ^ sign) - sign);
  const Unsigned half = static_cast<Unsigned>(Unsigned{1} << (span.shift - 1));
  const Unsigned rest = magnitude & (half + half - 1);
  const Unsigned distance = rest > half ? rest - half : half - rest;
  const Unsigned quotient = magnitude >> span.shift;
  const Unsigned tie = quotient & 1;
  const Unsigned nearest = rest > half ? 1 : 0;
  const Unsigned rounded = quotient + (distance <= span.window ? tie : nearest);
  const Signed shifted = static_cast<Signed>((static_cast<Signed>(rounded) ^ sign) - sign +
                                             static_cast<Signed>(span.biased_zero_point));
  const Signed raised = shifted < span.low ? span.low : shifted;
  return static_cast<std::uint8_t>(raised > span.high ? span.high : raised);
}

inline void AddNarrow(const AddSpan& span, std::size_t offset, std::size_t size,
                      std::uint8_t* results) {
  std::int32_t terms[kSpanBytes];
  for (std::size_t i = 0; i < size; ++i) {
    terms[i] =
        span.first_terms[span.first[offset + i]] + span.second_terms[span.second[offset + i]];
  }
  for (std::size_t i = 0; i < size; ++i) {
    results[i] = RoundTerm<std::int32_t, std::uint32_t>(terms[i], span);
  }
}

inline void AddWide(const AddSpan& span, std::size_t offset, std::size_t size,
                    std::uint8_t* results) {
  for (std::size_t i = 0; i < size; ++i) {
    const std::int64_t term = std::int64_t{span.first_terms[span.first[offset + i]]} +
                              span.second_terms[span.second[offset + i]];
    results[i] = RoundTerm<std::int64_t, std::uint64_t>(term, span);
  }
}

inline void AddSpanLoop(const AddSpan& given) {
  // A copy, which the compiler knows that no store below changes.
  const AddSpan span = given;
  for (std::size_t offset = 0; offset < span.bytes; offset += kSpanBytes) {
    const std::size_t left = span.bytes - offset;
    const std::size_t size = left < kSpanBytes ? left : kSpanBytes;
    std::uint8_t results[kSpanBytes];
    if (span.narrow) {
      AddNarrow(span, offset, size, results);
    } else {
      AddWide(span, offset, size, results);
    }
    std::memcpy(span.output + offset, results, size);
  }
}

inline void MultiplySpanLoop(const MultiplySpan& given) {
  const MultiplySpan span = given;
  for (std::size_t offset = 0; offset < span.bytes; offset += kSpanBytes) {
    const std::size_t left = span.bytes - offset;
    const std::size_t size = left < kSpanBytes ? left : kSpanBytes;
    std::uint8_t results[kSpanBytes];
    for (std::size_t i = 0; i < size; ++i) {
      const std::int32_t product = (span.first[offset + i] - span.first_zero_point) *
                                   (span.second[offset + i] - span.second_zero_point);
      results[i] = Requantise(product, span.scale, span.requantisation);
    }
    std::memcpy(span.output + offset, results, size);
  }
}

inline void LookUpLoop(const std::uint8_t* table, std::uint8_t* bytes, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes[i] = table[bytes[i]];
}

inline void FlipLoop(const std::uint8_t* from, std::uint8_t* to, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] = from[i] ^ 0x80;
}

template <std::size_t kWidth, std::size_t kGroup>
void PackLoop(const std::uint8_t* tile, std::int8_t* packed, std::int16_t* sums) {
  for (std::size_t j = 0; j < kWidth; j += kGroup) {
    for (std::size_t l = 0; l < kWidth; ++l) {
      std::memcpy(packed + j * kWidth + l * kGroup, tile + l * kWidth + j, kGroup);
    }
  }
  for (std::size_t l = 0; l < kWidth; ++l) {
    std::int32_t sum = 0;
    for (std::size_t j = 0; j < kWidth; ++j) sum += static_cast<std::int8_t>(tile[l * kWidth + j]);
    sums[l] = static_cast<std::int16_t>(sum);
  }
}

// The kernels that every set has in common.
template <std::size_t kWidth, std::size_t kGroup>
constexpr Kernels PlainKernels() {
  Kernels kernels{};
  kernels.group = kGroup;
  kernels.pool = PoolTileLoop<kWidth>;
  kernels.add = AddSpanLoop;
  kernels.multiply = MultiplySpanLoop;
  kernels.look_up = LookUpLoop;
  kernels.flip = FlipLoop;
  kernels.pack = PackLoop<kWidth, kGroup>;
  return kernels;
}

}  // namespace
}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_PLAIN_LOOPS_HPP_
