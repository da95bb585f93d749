// The kernels for AVX-VNNI: four products of bytes to a lane in one instruction.
// native/CMakeLists.txt compiles this source with -mavx2 -mavxvnni where the compiler knows it.
#include "native/devices/simulator/kernels/kernels.hpp"

#if defined(__AVXVNNI__) && defined(__AVX2__)

#include "native/devices/simulator/kernels/dense.hpp"
#include "native/devices/simulator/kernels/lanes_256.hpp"
#include "native/devices/simulator/kernels/plain_loops.hpp"

namespace sluice::simulator {
namespace {

struct QuadLanes256 : Lanes256 {
  static constexpr std::size_t kGroup = 4;
  using Activation = std::uint8_t;

  static Weights LoadWeights(const std::int8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static __m256i LoadBroadcast(const std::uint8_t* from) { return Broadcast(from); }
  static Sums Accumulate(Sums sums, __m256i activations, Weights weights) {
    return _mm256_dpbusd_avx_epi32(sums, activations, weights);
  }
};

template <std::size_t kWidth>
constexpr Kernels MakeKernels() {
  Kernels kernels = PlainKernels<kWidth, QuadLanes256::kGroup>();
  UseDense<QuadLanes256, kWidth, 6, 16 / kWidth>(kernels);
  UseDepthwise256<kWidth>(kernels);
  return kernels;
}

constexpr KernelSet kSet{"avx-vnni", MakeKernels<8>(), MakeKernels<16>()};

}  // namespace

const KernelSet* const kAvxVnniKernels = &kSet;

}  // namespace sluice::simulator

#else

namespace sluice::simulator {

const KernelSet* const kAvxVnniKernels = nullptr;

}  // namespace sluice::simulator

#endif
