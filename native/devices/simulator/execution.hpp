// What an EXECUTE instruction works with, and the operations themselves.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_EXECUTION_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_EXECUTION_HPP_

#include <atomic>
#include <cstdint>
#include <vector>

#include "hls/isa/generated/decode.hpp"
#include "native/devices/simulator/fork_join.hpp"
#include "native/devices/simulator/kernels/kernels.hpp"
#include "native/devices/simulator/scratchpads.hpp"

namespace sluice::simulator {

// Instructions with fewer products of a dense sum, or bytes read by the others, than these are left
// to one thread: waking the others takes about as long.
constexpr std::uint64_t kSharedProductsMin = 4'000'000;
constexpr std::uint64_t kSharedBytesMin = 1'000'000;
// A byte of an addition or multiplication takes about as long as so many of a pool.
constexpr std::uint64_t kElementwiseBytesFactor = 8;
// Items for each thread, so that the last one is not waited for long.
constexpr std::uint64_t kItemsPerThread = 4;

// Memory of one thread, kept from one instruction to the next.
struct WorkerMemory {
  std::vector<const void*> entries;
  std::vector<const std::uint8_t*> rows;
  // Words of taps that do not lie next to each other.
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint16_t> wide;
};

struct Execution {
  Scratchpads& memory;
  const Kernels& kernels;
  ForkJoin& fork_join;
  std::vector<WorkerMemory>& workers;
  // Bias with the correction for biased activations, for each output channel of an instruction.
  std::vector<std::int32_t>& bias;
  // Depthwise weights as the kernel reads them.
  std::vector<std::int8_t>& depthwise;
  const std::atomic<bool>& stop;
};

// Each runs one instruction that bounds.hpp has let pass; ends early once `stop` is set.
void RunDense(const isa::Convolution& fields, const Execution& execution);
void RunDepthwise(const isa::Convolution& fields, const Execution& execution);
void RunPool(const isa::Pool& fields, const Execution& execution);
void RunAddition(const isa::Addition& fields, const Execution& execution);
void RunMultiplication(const isa::Multiplication& fields, const Execution& execution);

inline Requantisation RequantisationOf(std::int32_t minimum, std::int32_t maximum,
                                       std::int32_t zero_point) {
  return Requantisation{static_cast<float>(minimum - zero_point),
                        static_cast<float>(maximum - zero_point), zero_point + kActivationBias};
}

inline std::uint8_t Biased(std::int32_t value) {
  return static_cast<std::uint8_t>(value + kActivationBias);
}

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_EXECUTION_HPP_
