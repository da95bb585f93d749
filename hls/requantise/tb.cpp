// Requantisation against the float32 reference. Argument: how many sums (default 2,000,000).
#include <cstdlib>
#include <initializer_list>

#include "hls/requantise/reference.hpp"
#include "hls/requantise/requantise.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::testing::Random;

struct Channel {
  std::uint32_t multiplier;
  std::uint32_t shift;
  std::int32_t zero_point;
  std::int32_t minimum;
  std::int32_t maximum;
};

bool Agrees(std::int32_t sum, const Channel& channel) {
  const float scale = sluice::reference::ScaleOf(channel.multiplier, channel.shift);
  return sluice::Requantise(sum, channel.multiplier, channel.shift, channel.zero_point,
                            channel.minimum, channel.maximum) ==
         sluice::reference::Requantise(sum, scale, channel.zero_point, channel.minimum,
                                       channel.maximum);
}

Channel RandomChannel(Random& random) {
  Channel channel;
  channel.multiplier = static_cast<std::uint32_t>(random.Between(1 << 23, (1 << 24) - 1));
  channel.shift = static_cast<std::uint32_t>(random.Between(20, 44));
  channel.zero_point = static_cast<std::int32_t>(random.Between(-128, 127));
  channel.minimum = static_cast<std::int32_t>(random.Between(-128, 127));
  channel.maximum = static_cast<std::int32_t>(random.Between(channel.minimum, 127));
  if (random.Between(0, 3) != 0) {
    channel.minimum = -128;
    channel.maximum = 127;
  }
  return channel;
}

// A sum whose product with the scale stands next to a half.
std::int32_t BesideTie(const Channel& channel, Random& random) {
  const std::uint64_t half = std::uint64_t{1} << (channel.shift - 1);
  const std::uint64_t odd = static_cast<std::uint64_t>(random.Between(0, 140)) * 2 + 1;
  const std::uint64_t centre = odd * half / channel.multiplier;
  const std::int64_t sum = static_cast<std::int64_t>(centre) + random.Between(-1, 2);
  if (sum > INT32_MAX) return INT32_MAX;
  return static_cast<std::int32_t>(random.Between(0, 1) == 0 ? sum : -sum);
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
            const Channel channel{multiplier, shift, -7, -128, 127};
            SLUICE_CHECK(Agrees(static_cast<std::int32_t>(signed_sum), channel));
          }
        }
      }
    }
  }
}

void CheckRandom(std::uint64_t count) {
  Random random(20240607);
  std::uint64_t mismatches = 0;
  std::uint64_t differs_from_single_rounding = 0;
  for (std::uint64_t index = 0; index < count; ++index) {
    const Channel channel = RandomChannel(random);
    const bool beside_tie = index % 4 == 0;
    const std::uint32_t bits = static_cast<std::uint32_t>(random.Between(1, 32));
    const std::int32_t sum = beside_tie
                                 ? BesideTie(channel, random)
                                 : static_cast<std::int32_t>(random.Next() >> 32) >> (32 - bits);
    if (!Agrees(sum, channel)) ++mismatches;
    const double exact = std::nearbyint(static_cast<double>(sum) * channel.multiplier *
                                        std::ldexp(1.0, -static_cast<int>(channel.shift)));
    const double rounded = std::nearbyint(
        static_cast<float>(sum) * sluice::reference::ScaleOf(channel.multiplier, channel.shift));
    if (exact != rounded && std::fabs(rounded) < 256) ++differs_from_single_rounding;
  }
  std::printf("%llu sums, %llu mismatches, %llu where one exact rounding would differ\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(mismatches),
              static_cast<unsigned long long>(differs_from_single_rounding));
  SLUICE_CHECK(mismatches == 0);
  // Else the samples never reached the case that the widened tie is for.
  SLUICE_CHECK(differs_from_single_rounding > 0);
}

}  // namespace

int main(int argument_count, char** arguments) {
  CheckCorners();
  CheckRandom(argument_count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 2000000);
  return sluice::testing::Finish();
}
