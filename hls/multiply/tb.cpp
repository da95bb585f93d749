// The packed pair over all operands, and cascades of random and of extreme ones.
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "hls/multiply/multiply.hpp"
#include "hls/multiply/reference.hpp"
#include "hls/multiply/top.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::testing::Random;

using Lanes = std::vector<std::int8_t>;

struct Operands {
  Lanes high;
  Lanes low;
  Lanes activations;
};

std::uint64_t WordOf(const Lanes& lanes, std::size_t word) {
  std::uint64_t bits = 0;
  for (std::size_t lane = 0; lane < 8; ++lane) {
    bits |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(lanes[8 * word + lane]))
            << (8 * lane);
  }
  return bits;
}

template <std::uint32_t Count>
sluice::LaneWords<Count> WordsOf(const Lanes& lanes) {
  sluice::LaneWords<Count> words{};
  for (std::size_t word = 0; word < Count / 8; ++word) words.word[word] = WordOf(lanes, word);
  return words;
}

template <std::uint32_t Count, std::uint32_t PortBits>
bool TemplateHolds(const Operands& operands, std::int64_t high, std::int64_t low) {
  const sluice::PairSum sums =
      sluice::PairDotProduct<PortBits>(WordsOf<Count>(operands.high), WordsOf<Count>(operands.low),
                                       WordsOf<Count>(operands.activations));
  return sums.high == high && sums.low == low;
}

bool Holds(std::uint64_t packed, std::int64_t high, std::int64_t low) {
  return static_cast<std::int32_t>(packed >> 32) == high &&
         static_cast<std::int32_t>(packed & UINT32_MAX) == low;
}

// The first eight lanes alone, onto accumulators, and all sixteen.
bool Agrees(const Operands& operands, std::int32_t accumulator) {
  using sluice::reference::DotProduct;
  const Lanes high(operands.high.begin(), operands.high.begin() + 8);
  const Lanes low(operands.low.begin(), operands.low.begin() + 8);
  const Lanes activations(operands.activations.begin(), operands.activations.begin() + 8);
  const std::int64_t high_8 = DotProduct(high, activations);
  const std::int64_t low_8 = DotProduct(low, activations);
  const std::int64_t high_16 = DotProduct(operands.high, operands.activations);
  const std::int64_t low_16 = DotProduct(operands.low, operands.activations);
  const std::uint64_t h = WordOf(operands.high, 0);
  const std::uint64_t l = WordOf(operands.low, 0);
  const std::uint64_t a = WordOf(operands.activations, 0);
  const std::uint64_t accumulators =
      static_cast<std::uint64_t>(static_cast<std::uint32_t>(accumulator)) << 32 |
      static_cast<std::uint32_t>(-accumulator);
  const std::uint64_t dot_16 = sluice_dot_product_pair_16(
      h, WordOf(operands.high, 1), l, WordOf(operands.low, 1), a, WordOf(operands.activations, 1));
  return Holds(sluice_dot_product_pair(h, l, a), high_8, low_8) &&
         Holds(sluice_dot_product_pair_25(h, l, a), high_8, low_8) &&
         Holds(sluice_multiply_accumulate(h, l, a, accumulators), high_8 + accumulator,
               low_8 - accumulator) &&
         Holds(dot_16, high_16, low_16) && TemplateHolds<8, 27>(operands, high_8, low_8) &&
         TemplateHolds<16, 27>(operands, high_16, low_16) &&
         TemplateHolds<8, 25>(operands, high_8, low_8) &&
         TemplateHolds<16, 25>(operands, high_16, low_16);
}

void CheckEveryPair() {
  std::uint64_t wrong = 0;
  std::uint64_t tried = 0;
  for (int high = -127; high <= 127; ++high) {
    for (int low = -127; low <= 127; ++low) {
      for (int activation = -128; activation <= 127; ++activation) {
        const std::int64_t packed =
            sluice_packed_product(static_cast<std::int8_t>(high), static_cast<std::int8_t>(low),
                                  static_cast<std::int8_t>(activation));
        if (sluice::HighField<27>(packed) != high * activation ||
            sluice::LowField<27>(packed) != low * activation) {
          ++wrong;
        }
        ++tried;
      }
    }
  }
  std::printf("%llu operand triples, %llu wrong\n", static_cast<unsigned long long>(tried),
              static_cast<unsigned long long>(wrong));
  SLUICE_CHECK(wrong == 0);
}

// Every lane at an end of its range, all combinations of the ends.
void CheckExtremes() {
  for (const int high : {-127, 127}) {
    for (const int low : {-127, 127}) {
      for (const int activation : {-128, 127}) {
        const Operands operands{Lanes(16, static_cast<std::int8_t>(high)),
                                Lanes(16, static_cast<std::int8_t>(low)),
                                Lanes(16, static_cast<std::int8_t>(activation))};
        SLUICE_CHECK(Agrees(operands, 0));
        SLUICE_CHECK(Agrees(operands, 2000000000));
      }
    }
  }
}

// The one product that the bound on weights excludes overflows the low field.
void CheckExcludedWeight() {
  const Lanes all(8, -128);
  const std::uint64_t word = WordOf(all, 0);
  SLUICE_CHECK(!Holds(sluice_dot_product_pair(word, word, word), 8 * 16384, 8 * 16384));
  SLUICE_CHECK(!Holds(sluice_dot_product_pair_25(word, word, word), 8 * 16384, 8 * 16384));
}

void CheckWrap() {
  const std::uint64_t ones = 0x0101010101010101u;
  // INT32_MAX + 8 and -1 + 8.
  SLUICE_CHECK(Holds(sluice_multiply_accumulate(ones, ones, ones, 0x7FFFFFFFFFFFFFFFu),
                     std::int64_t{INT32_MIN} + 7, 7));
}

// `ends` in 256 lanes is at an end of its range.
Lanes RandomLanes(Random& random, int least, int ends) {
  Lanes lanes(16);
  for (std::int8_t& lane : lanes) {
    const bool end = random.Between(0, 255) < ends;
    const bool low_end = random.Between(0, 1) == 0;
    const std::int64_t value = end ? (low_end ? least : 127) : random.Between(least, 127);
    lane = static_cast<std::int8_t>(value);
  }
  return lanes;
}

void CheckRandom() {
  Random random(5);
  for (int count = 0; count < 300000; ++count) {
    const int ends = count % 3 == 0 ? 0 : (count % 3 == 1 ? 128 : 256);
    const Operands operands{RandomLanes(random, -127, ends), RandomLanes(random, -127, ends),
                            RandomLanes(random, -128, ends)};
    const std::int64_t accumulator = random.Between(-2000000000, 2000000000);
    SLUICE_CHECK(Agrees(operands, static_cast<std::int32_t>(accumulator)));
  }
}

}  // namespace

int main() {
  CheckEveryPair();
  CheckExtremes();
  CheckExcludedWeight();
  CheckWrap();
  CheckRandom();
  return sluice::testing::Finish();
}
