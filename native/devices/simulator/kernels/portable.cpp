// The kernels in plain C++, and the yardstick for the others.
#include "native/devices/simulator/kernels/dense.hpp"
#include "native/devices/simulator/kernels/kernels.hpp"
#include "native/devices/simulator/kernels/plain_loops.hpp"

namespace sluice::simulator {
namespace {

// Eight int32 sums as an array. Sums of biased activations may pass int32 on their way: they wrap.
struct PlainLanes {
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kGroup = 2;
  using Activation = std::uint16_t;
  struct Sums {
    std::uint32_t lane[kLanes];
  };
  struct Weights {
    std::int16_t lane[kLanes][kGroup];
  };
  struct Pair {
    std::int16_t value[kGroup];
  };

  static Sums Zero() { return Sums{}; }
  static Weights LoadWeights(const std::int8_t* from) {
    Weights weights;
    for (std::size_t l = 0; l < kLanes; ++l) {
      for (std::size_t j = 0; j < kGroup; ++j) weights.lane[l][j] = from[l * kGroup + j];
    }
    return weights;
  }
  static Pair LoadBroadcast(const std::uint16_t* from) {
    return Pair{{static_cast<std::int16_t>(from[0]), static_cast<std::int16_t>(from[1])}};
  }
  static Sums Accumulate(Sums sums, Pair activations, const Weights& weights) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      sums.lane[l] += static_cast<std::uint32_t>(activations.value[0] * weights.lane[l][0] +
                                                 activations.value[1] * weights.lane[l][1]);
    }
    return sums;
  }
  static void Requantise(const Sums& sums, const std::int32_t* bias, const float* scale,
                         const Requantisation& how, std::uint8_t* output) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const std::uint32_t biased = sums.lane[l] + static_cast<std::uint32_t>(bias[l]);
      output[l] = simulator::Requantise(static_cast<std::int32_t>(biased), scale[l], how);
    }
  }
};

template <std::size_t kWidth>
void DepthwiseLoop(const DepthwiseTile& tile) {
  for (std::uint32_t column = 0; column < tile.columns; ++column) {
    std::int32_t sums[kWidth] = {};
    for (std::uint32_t ky = 0; ky < tile.kernel_rows; ++ky) {
      const std::uint8_t* words = tile.rows[ky] + column * tile.step_bytes;
      const std::int8_t* weights = tile.weights + ky * tile.kernel_columns * kWidth;
      for (std::size_t tap = 0; tap < tile.kernel_columns; ++tap) {
        for (std::size_t l = 0; l < kWidth; ++l) {
          sums[l] += words[tap * kWidth + l] * weights[tap * kWidth + l];
        }
      }
    }
    std::uint8_t* output = tile.output + column * kWidth;
    for (std::size_t l = 0; l < kWidth; ++l) {
      const std::uint32_t biased =
          static_cast<std::uint32_t>(sums[l]) + static_cast<std::uint32_t>(tile.bias[l]);
      output[l] = Requantise(static_cast<std::int32_t>(biased), tile.scale[l], tile.requantisation);
    }
  }
}

template <std::size_t kWidth>
constexpr Kernels MakeKernels() {
  Kernels kernels = PlainKernels<kWidth, PlainLanes::kGroup>();
  UseDense<PlainLanes, kWidth, 4, 1>(kernels);
  kernels.depthwise_group = 1;
  kernels.depthwise = DepthwiseLoop<kWidth>;
  return kernels;
}

constexpr KernelSet kSet{"portable", MakeKernels<8>(), MakeKernels<16>()};

}  // namespace

const KernelSet* const kPortableKernels = &kSet;

}  // namespace sluice::simulator
