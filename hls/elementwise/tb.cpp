// Element-wise datapaths against float32 references: additions over every operand pair of random
// scales, multiplications likewise. Argument: how many scale triples (default 300).
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <initializer_list>

#include "hls/elementwise/reference.hpp"
#include "hls/elementwise/reference_tables.hpp"
#include "hls/elementwise/select.hpp"
#include "hls/elementwise/top.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::reference::AddTables;
using sluice::reference::Quantisation;
using sluice::testing::Random;

constexpr std::uint32_t kRepairShift = 16;

float Uniform(Random& random) {
  return static_cast<float>(random.Between(0, (1 << 24) - 1)) / static_cast<float>(1 << 24);
}

std::int32_t RandomInt8(Random& random) {
  return static_cast<std::int32_t>(random.Between(-128, 127));
}

void CheckTableAdds(std::uint64_t triples) {
  Random random(3);
  std::uint64_t met = 0;
  std::uint64_t repaired = 0;
  std::uint32_t widest = 0;
  std::uint32_t fewest = sluice::reference::kFractionBitsMost;
  for (std::uint64_t triple = 0; triple < triples; ++triple) {
    const Quantisation a{0.004f + 0.05f * Uniform(random), RandomInt8(random)};
    const Quantisation b{0.004f + 0.05f * Uniform(random), RandomInt8(random)};
    const Quantisation to{(0.6f + 0.6f * Uniform(random)) * (a.scale + b.scale),
                          RandomInt8(random)};
    const AddTables tables = sluice::reference::FindAddTables(a, b, to);
    SLUICE_CHECK(tables.found);
    if (!tables.found) continue;
    // Moved terms meet every triple on their own, with fewer bits and without the window.
    SLUICE_CHECK(sluice::reference::RepairTables(a, b, to, kRepairShift,
                                                 sluice::reference::EveryAdd(a, b, to))
                     .found);
    ++met;
    if (tables.repaired) ++repaired;
    widest = std::max(widest, tables.window);
    fewest = std::min(fewest, tables.shift);
  }
  std::printf(
      "%llu of %llu scale triples met over 65,536 pairs each, %llu by repaired terms; "
      "at least %u bits, window at most %u\n",
      static_cast<unsigned long long>(met), static_cast<unsigned long long>(triples),
      static_cast<unsigned long long>(repaired), fewest, widest);
}

// Exact ratios of 1/2: float32 scatters the ties, so no table can follow. With scales that are
// powers of two nothing is rounded before the tie, and one can.
void CheckRatioOfOneHalf() {
  for (const float scale : {0.1f, 0.037f, 0.0123f}) {
    const Quantisation input{scale, 0};
    SLUICE_CHECK(!sluice::reference::FindAddTables(input, input, Quantisation{2 * scale, 0}).found);
  }
  const Quantisation input{0.125f, 3};
  SLUICE_CHECK(sluice::reference::FindAddTables(input, input, Quantisation{0.25f, -5}).found);
}

// Halves, the window around them, both signs, and sums beyond int32.
void CheckAddCorners() {
  SLUICE_CHECK(sluice_add_terms(1, 0, 1, 0, 0, -128, 127) == 0);
  SLUICE_CHECK(sluice_add_terms(2, 1, 1, 0, 0, -128, 127) == 2);
  SLUICE_CHECK(sluice_add_terms(-1, 0, 1, 0, 0, -128, 127) == 0);
  SLUICE_CHECK(sluice_add_terms(-2, -1, 1, 0, 0, -128, 127) == -2);
  const std::int32_t half = 1 << 19;
  for (const std::int32_t sign : {-1, 1}) {
    SLUICE_CHECK(sluice_add_terms(sign * (half + 3), 0, 20, 2, 0, -128, 127) == sign);
    SLUICE_CHECK(sluice_add_terms(sign * (half + 3), 0, 20, 3, 0, -128, 127) == 0);
    SLUICE_CHECK(sluice_add_terms(sign * (3 * half - 3), 0, 20, 2, 0, -128, 127) == sign);
    SLUICE_CHECK(sluice_add_terms(sign * (3 * half - 3), 0, 20, 3, 0, -128, 127) == 2 * sign);
  }
  SLUICE_CHECK(sluice_add_terms(INT32_MAX, INT32_MAX, 30, 0, 5, -128, 127) == 9);
  SLUICE_CHECK(sluice_add_terms(INT32_MIN, INT32_MIN, 30, 0, 5, -128, 127) == 1);
  SLUICE_CHECK(sluice_add_terms(INT32_MAX, INT32_MAX, 1, 0, -128, -128, 127) == 127);
  SLUICE_CHECK(sluice_add_terms(INT32_MIN, INT32_MIN, 1, 0, 127, -128, 127) == -128);
  SLUICE_CHECK(sluice_add_terms(100 << 8, 0, 8, 0, 0, -3, 6) == 6);
  SLUICE_CHECK(sluice_add_terms(-(100 << 8), 0, 8, 0, 0, -3, 6) == -3);
}

void CheckMultiply(std::uint64_t scales) {
  Random random(4);
  std::uint64_t wrong = 0;
  for (std::uint64_t count = 0; count < scales; ++count) {
    const std::uint32_t multiplier = static_cast<std::uint32_t>(random.Between(1 << 23, 16777215));
    const std::uint32_t shift = static_cast<std::uint32_t>(random.Between(26, 40));
    const float scale = std::ldexp(static_cast<float>(multiplier), -static_cast<int>(shift));
    const std::int32_t zero_a = RandomInt8(random);
    const std::int32_t zero_b = RandomInt8(random);
    const std::int32_t zero_out = RandomInt8(random);
    for (std::uint32_t pair = 0; pair < 65536; ++pair) {
      const std::int8_t a = static_cast<std::int8_t>(pair >> 8);
      const std::int8_t b = static_cast<std::int8_t>(pair & 255);
      const std::int8_t result = sluice_multiply_elements(
          a, static_cast<std::int8_t>(zero_a), b, static_cast<std::int8_t>(zero_b), multiplier,
          static_cast<std::uint8_t>(shift), static_cast<std::int8_t>(zero_out), -128, 127);
      if (result != sluice::reference::Multiply(a, zero_a, b, zero_b, scale, zero_out)) ++wrong;
    }
  }
  std::printf("%llu products, %llu wrong\n", static_cast<unsigned long long>(scales * 65536),
              static_cast<unsigned long long>(wrong));
  SLUICE_CHECK(wrong == 0);
}

void CheckSelections() {
  std::int8_t identity[sluice::kTableEntries];
  for (std::int32_t value = -128; value <= 127; ++value) {
    identity[value + 128] = static_cast<std::int8_t>(value);
  }
  for (std::int32_t left = -128; left <= 127; ++left) {
    const std::int8_t value = static_cast<std::int8_t>(left);
    SLUICE_CHECK(sluice_table_index(value) == left + 128);
    SLUICE_CHECK(sluice::LookUp(identity, value) == left);
    for (std::int32_t right = -128; right <= 127; ++right) {
      const std::int8_t other = static_cast<std::int8_t>(right);
      SLUICE_CHECK(sluice_pool_maximum(value, other) == std::max(left, right));
      SLUICE_CHECK(sluice_clamp(value, other, 127) == std::max(left, right));
      SLUICE_CHECK(sluice_clamp(value, -128, other) == std::min(left, right));
    }
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::uint64_t triples = argument_count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 300;
  CheckTableAdds(triples);
  CheckRatioOfOneHalf();
  CheckAddCorners();
  CheckMultiply(40);
  CheckSelections();
  return sluice::testing::Finish();
}
