// Requantisation against the float32 reference, half of it beside ties.
// Argument: how many sums, or --all for 100,000,000 (default 2,000,000).
#include <array>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <thread>

#include "hls/requantise/reference.hpp"
#include "hls/requantise/requantise.hpp"
#include "hls/requantise/top.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::testing::Random;

constexpr std::uint64_t kSumsByDefault = 2000000;
constexpr std::uint64_t kSumsOfAll = 100000000;
constexpr std::size_t kThreads = 2;

struct Sample {
  std::int32_t sum;
  std::uint32_t multiplier;
  std::uint32_t shift;
  std::int32_t zero_point;
  std::int32_t minimum;
  std::int32_t maximum;
};

std::int8_t Expected(const Sample& sample) {
  return sluice::reference::Requantise(sample.sum,
                                       sluice::reference::ScaleOf(sample.multiplier, sample.shift),
                                       sample.zero_point, sample.minimum, sample.maximum);
}

bool Agrees(const Sample& sample) {
  return sluice::Requantise(sample.sum, sample.multiplier, sample.shift, sample.zero_point,
                            sample.minimum, sample.maximum) == Expected(sample);
}

std::uint32_t Bounded(Random& random, std::int64_t least, std::int64_t most) {
  return static_cast<std::uint32_t>(random.Between(least, most));
}

std::int32_t WithRandomSign(std::uint64_t magnitude, Random& random) {
  const std::int64_t value = static_cast<std::int64_t>(magnitude);
  if (value > INT32_MAX) return random.Between(0, 1) == 0 ? INT32_MAX : INT32_MIN;
  return static_cast<std::int32_t>(random.Between(0, 1) == 0 ? value : -value);
}

// Any number of bits in the sum, any scale, unnormalised ones and the ends of the shift included.
void FillAnywhere(Sample& sample, Random& random) {
  const std::uint32_t bits = Bounded(random, 1, 32);
  sample.sum = static_cast<std::int32_t>(random.Next() >> 32) >> (32 - bits);
  const bool usual = random.Between(0, 1) == 0;
  sample.shift = usual ? Bounded(random, 20, 44) : Bounded(random, 1, 63);
  sample.multiplier = usual ? Bounded(random, 1 << 23, (1 << 24) - 1)
                            : Bounded(random, 0, (1 << 24) - 1) >> random.Between(0, 24);
}

// Given the scale, one of the sums around the half that it comes nearest to.
void FillNearestSum(Sample& sample, Random& random) {
  sample.shift = Bounded(random, 20, 50);
  sample.multiplier = Bounded(random, 1 << 23, (1 << 24) - 1);
  const std::uint64_t half = std::uint64_t{1} << (sample.shift - 1);
  const std::uint64_t odd = Bounded(random, 0, 140) * 2 + 1;
  sample.sum = WithRandomSign(odd * half / sample.multiplier + Bounded(random, 0, 1), random);
}

// Given the sum, the multiplier that comes nearest to a half, or one beside it: the product is then
// about as far from the half as the window is wide.
void FillNearestMultiplier(Sample& sample, Random& random) {
  const std::uint64_t magnitude = 1 + (random.Next() >> (33 + random.Between(0, 22)));
  const std::uint64_t odd = Bounded(random, 0, 140) * 2 + 1;
  std::uint64_t multiplier = 0;
  std::uint32_t shift = 0;
  while (multiplier < 1 << 23 && shift < 55) {
    ++shift;
    multiplier = ((odd << (shift - 1)) + magnitude / 2) / magnitude;
  }
  const std::uint64_t most = (1 << 24) - 1;
  const std::uint64_t beside = multiplier + Bounded(random, 0, 2);
  sample.multiplier = static_cast<std::uint32_t>(beside > most ? most : beside);
  sample.shift = shift;
  sample.sum = WithRandomSign(magnitude, random);
}

// The sum whose product is at most three units from a half: the half times the multiplier's
// inverse modulo 2^shift.
void FillUnitsFromTie(Sample& sample, Random& random) {
  sample.multiplier = Bounded(random, 0, 255) | 1;
  sample.shift = Bounded(random, 2, 31);
  std::uint32_t inverse = sample.multiplier;
  for (int step = 0; step < 5; ++step) inverse *= 2 - sample.multiplier * inverse;
  const std::uint32_t half = std::uint32_t{1} << (sample.shift - 1);
  const std::uint32_t target = half + static_cast<std::uint32_t>(random.Between(-3, 3));
  sample.sum = WithRandomSign((target * inverse) & (half * 2 - 1), random);
}

Sample RandomSample(Random& random, std::uint64_t index) {
  Sample sample{};
  switch (index % 4) {
    case 0:
      FillAnywhere(sample, random);
      break;
    case 1:
      FillNearestSum(sample, random);
      break;
    case 2:
      FillNearestMultiplier(sample, random);
      break;
    default:
      FillUnitsFromTie(sample, random);
  }
  sample.zero_point = static_cast<std::int32_t>(random.Between(-128, 127));
  const bool full = random.Between(0, 3) != 0;
  sample.minimum = full ? -128 : static_cast<std::int32_t>(random.Between(-128, 127));
  sample.maximum = full ? 127 : static_cast<std::int32_t>(random.Between(sample.minimum, 127));
  return sample;
}

struct Counts {
  std::uint64_t mismatches = 0;
  std::uint64_t ties = 0;
  std::uint64_t differing = 0;
};

// What one exact rounding of sum * multiplier * 2^-shift would give; counts the exact ties.
std::int8_t OneExactRounding(const Sample& sample, Counts& counts) {
  const std::int64_t product = std::int64_t{sample.sum} * sample.multiplier;
  const std::uint64_t magnitude = static_cast<std::uint64_t>(product < 0 ? -product : product);
  const std::uint64_t half = std::uint64_t{1} << (sample.shift - 1);
  const std::uint64_t rest = magnitude % (half * 2);
  std::uint64_t rounded = magnitude / half / 2;
  if (rest > half || (rest == half && rounded % 2 == 1)) ++rounded;
  const std::int64_t bounded = rounded < 999 ? static_cast<std::int64_t>(rounded) : 999;
  const std::int64_t value = (product < 0 ? -bounded : bounded) + sample.zero_point;
  if (rest == half && bounded < 256) ++counts.ties;
  if (value < sample.minimum) return static_cast<std::int8_t>(sample.minimum);
  return static_cast<std::int8_t>(value > sample.maximum ? sample.maximum : value);
}

void CountSlice(std::uint64_t seed, std::uint64_t count, Counts& counts) {
  Random random(seed);
  for (std::uint64_t index = 0; index < count; ++index) {
    const Sample sample = RandomSample(random, index);
    const std::int8_t expected = Expected(sample);
    if (sluice::Requantise(sample.sum, sample.multiplier, sample.shift, sample.zero_point,
                           sample.minimum, sample.maximum) != expected) {
      ++counts.mismatches;
    }
    if (OneExactRounding(sample, counts) != expected) ++counts.differing;
  }
}

void CheckRandom(std::uint64_t count) {
  std::array<Counts, kThreads> counts{};
  std::array<std::thread, kThreads> threads;
  for (std::size_t index = 0; index < kThreads; ++index) {
    const std::uint64_t share = count / kThreads + (index == 0 ? count % kThreads : 0);
    threads[index] = std::thread(
        [share, index, &counts] { CountSlice(20240607 + 2 * index, share, counts[index]); });
  }
  Counts total;
  for (std::size_t index = 0; index < kThreads; ++index) {
    threads[index].join();
    total.mismatches += counts[index].mismatches;
    total.ties += counts[index].ties;
    total.differing += counts[index].differing;
  }
  std::printf(
      "%llu sums, %llu mismatches, %llu exact ties, %llu where one exact rounding would differ\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(total.mismatches),
      static_cast<unsigned long long>(total.ties),
      static_cast<unsigned long long>(total.differing));
  SLUICE_CHECK(total.mismatches == 0);
  // Else the samples never reached the cases that the widened tie is for.
  SLUICE_CHECK(total.ties > 0);
  SLUICE_CHECK(total.differing > 0);
}

// Scales and sums that land on exact ties and on the rounding of int32 to float32.
void CheckCorners() {
  for (const std::uint32_t shift : {1u, 22u, 23u, 24u, 25u, 31u, 47u, 55u, 56u, 62u, 63u}) {
    for (const std::uint32_t multiplier : {0u, 1u, 1u << 22, 1u << 23, (1u << 24) - 1, 12345677u}) {
      for (const std::int64_t centre :
           {0ll, 1ll, 127ll, 128ll, 255ll, 1ll << 23, 1ll << 24, 1ll << 25, 1ll << 30, 1ll << 31}) {
        for (std::int64_t sum = centre - 3; sum <= centre + 3; ++sum) {
          for (const std::int64_t signed_sum : {sum, -sum}) {
            if (signed_sum < INT32_MIN || signed_sum > INT32_MAX) continue;
            const std::int32_t value = static_cast<std::int32_t>(signed_sum);
            SLUICE_CHECK(Agrees(Sample{value, multiplier, shift, -7, -128, 127}));
          }
        }
      }
    }
  }
}

// Every zero point with results on both sides of both ends of int8, ties included (scale 1/2).
void CheckZeroPoints() {
  for (std::int32_t zero_point = -128; zero_point <= 127; ++zero_point) {
    for (std::int32_t sum = -520; sum <= 520; ++sum) {
      SLUICE_CHECK(Agrees(Sample{sum, 1, 1, zero_point, -128, 127}));
    }
  }
}

// The tops, and sums that wrap when the bias is added.
void CheckBiasAndTops() {
  Random random(11);
  for (int count = 0; count < 200000; ++count) {
    Sample sample = RandomSample(random, static_cast<std::uint64_t>(count));
    const std::int8_t zero_point = static_cast<std::int8_t>(sample.zero_point);
    const std::int8_t minimum = static_cast<std::int8_t>(sample.minimum);
    const std::int8_t maximum = static_cast<std::int8_t>(sample.maximum);
    const std::uint8_t shift = static_cast<std::uint8_t>(sample.shift);
    SLUICE_CHECK(sluice_requantise(sample.sum, sample.multiplier, shift, zero_point, minimum,
                                   maximum) == Expected(sample));
    const std::int32_t sum = sample.sum;
    const std::int32_t bias = static_cast<std::int32_t>(random.Next() >> 32);
    sample.sum = sluice::reference::AddWrapping(sum, bias);
    SLUICE_CHECK(sluice_requantise_biased(sum, bias, sample.multiplier, shift, zero_point, minimum,
                                          maximum) == Expected(sample));
  }
  // INT32_MAX + 1 is INT32_MIN: a wrapped sum comes out at the other end.
  SLUICE_CHECK(sluice_requantise_biased(INT32_MAX, 1, 1, 1, 0, -128, 127) == -128);
  SLUICE_CHECK(sluice_requantise_biased(INT32_MIN, -1, 1, 1, 0, -128, 127) == 127);
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::uint64_t count = kSumsByDefault;
  if (argument_count > 1) {
    const bool all = std::strcmp(arguments[1], "--all") == 0;
    count = all ? kSumsOfAll : std::strtoull(arguments[1], nullptr, 10);
  }
  CheckCorners();
  CheckZeroPoints();
  CheckBiasAndTops();
  CheckRandom(count);
  return sluice::testing::Finish();
}
