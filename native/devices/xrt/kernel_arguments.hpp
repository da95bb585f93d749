// The kernel's arguments in the order of sluice_npu in hls/npu/top.hpp. scripts/make-xclbin.mjs and
// a test know the same order.
#ifndef SLUICE_NATIVE_DEVICES_XRT_KERNEL_ARGUMENTS_HPP_
#define SLUICE_NATIVE_DEVICES_XRT_KERNEL_ARGUMENTS_HPP_

#include <string>

#include "native/core/hardware.hpp"

namespace sluice::xrt_device {

constexpr const char* kKernelName = "sluice_npu";

enum KernelArgument : int {
  kInstructions,
  kInstructionCount,
  kWeights,
  kWeightsBeats,
  kInput,
  kInputBeats,
  kOutput,
  kOutputBeats,
  kArena,
  kArenaBeats,
  kStatus,
};

// The name of the compute unit that hls/vitis/build.sh gives it: a board image for another hardware
// configuration has another, and is refused instead of giving other bits.
inline std::string ComputeUnitName(const Hardware& hardware) {
  constexpr std::size_t kHashDigits = 16;
  return "npu_" + HexOf(hardware.hash).substr(0, kHashDigits);
}

}  // namespace sluice::xrt_device

#endif  // SLUICE_NATIVE_DEVICES_XRT_KERNEL_ARGUMENTS_HPP_
