// The kernels for AVX2: products of 16-bit numbers. native/CMakeLists.txt compiles this source with
// -mavx2 where the compiler and the machine know it.
#include "native/devices/simulator/kernels/kernels.hpp"

#if defined(__AVX2__)

#include "native/devices/simulator/kernels/dense.hpp"
#include "native/devices/simulator/kernels/lanes_256.hpp"
#include "native/devices/simulator/kernels/plain_loops.hpp"

namespace sluice::simulator {
namespace {

template <std::size_t kWidth>
constexpr Kernels MakeKernels() {
  Kernels kernels = PlainKernels<kWidth, PairLanes256::kGroup>();
  // 12 sums, 2 weights, an activation and a product fill the 16 registers.
  UseDense<PairLanes256, kWidth, 6, 16 / kWidth>(kernels);
  UseDepthwise256<kWidth>(kernels);
  return kernels;
}

constexpr KernelSet kSet{"avx2", MakeKernels<8>(), MakeKernels<16>()};

}  // namespace

const KernelSet* const kAvx2Kernels = &kSet;

}  // namespace sluice::simulator

#else

namespace sluice::simulator {

const KernelSet* const kAvx2Kernels = nullptr;

}  // namespace sluice::simulator

#endif
