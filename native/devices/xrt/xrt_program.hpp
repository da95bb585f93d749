// A program in the memories of an XRT device, with the run that starts it.
#ifndef SLUICE_NATIVE_DEVICES_XRT_XRT_PROGRAM_HPP_
#define SLUICE_NATIVE_DEVICES_XRT_XRT_PROGRAM_HPP_

#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <cstdint>
#include <span>

#include "hls/npu/status.hpp"
#include "native/core/device.hpp"

namespace sluice::xrt_device {

// Buffers are in the memory banks that the board image connects each argument to. Everything that
// XRT throws passes through.
class XrtProgram final : public ResidentProgram {
 public:
  // Instructions and weights go to the device now, once. A beat is one transfer of the kernel's
  // memory bus.
  XrtProgram(const Program& program, std::size_t beat_bytes, const xrt::device& device,
             const xrt::kernel& kernel);

  // Sends the input, and a status that no kernel writes.
  void Prepare(std::span<const std::uint8_t> input);

  xrt::run& run() { return run_; }

  // What the kernel has written; false when it has written nothing.
  bool ReadStatus(NpuStatus* status);
  void ReadOutput(std::span<std::uint8_t> output);

 private:
  // Allocates a buffer for an argument, with `bytes` in it, and sends them.
  xrt::bo Filled(const xrt::device& device, const xrt::kernel& kernel, int argument,
                 const void* bytes, std::size_t count);

  xrt::bo instructions_;
  xrt::bo weights_;
  xrt::bo input_;
  xrt::bo output_;
  xrt::bo arena_;
  xrt::bo status_;
  xrt::run run_;
};

}  // namespace sluice::xrt_device

#endif  // SLUICE_NATIVE_DEVICES_XRT_XRT_PROGRAM_HPP_
