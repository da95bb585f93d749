#include "native/devices/xrt/xrt_program.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "native/devices/xrt/kernel_arguments.hpp"

namespace sluice::xrt_device {
namespace {

// The least that is allocated: a region of no bytes still needs an address.
constexpr std::size_t kBufferBytesMin = 4096;

// No status that a kernel writes begins like this, for its faults are small numbers.
constexpr unsigned char kUnwritten = 0xa5;

// The program without what the device keeps itself.
Program SizesOnly(const Program& program) {
  Program sizes;
  sizes.input_bytes = program.input_bytes;
  sizes.output_bytes = program.output_bytes;
  sizes.arena_bytes = program.arena_bytes;
  return sizes;
}

xrt::bo Buffer(const xrt::device& device, const xrt::kernel& kernel, int argument,
               std::size_t bytes) {
  return xrt::bo(device, std::max(bytes, kBufferBytesMin),
                 static_cast<xrt::memory_group>(kernel.group_id(argument)));
}

}  // namespace

XrtProgram::XrtProgram(const Program& program, std::size_t beat_bytes, const xrt::device& device,
                       const xrt::kernel& kernel)
    : ResidentProgram(SizesOnly(program)),
      instructions_(Filled(device, kernel, kInstructions, program.instructions.data(),
                           program.instructions.size() * sizeof(isa::InstructionWords))),
      weights_(Filled(device, kernel, kWeights, program.weights.data(), program.weights.size())),
      input_(Buffer(device, kernel, kInput, program.input_bytes)),
      output_(Buffer(device, kernel, kOutput, program.output_bytes)),
      arena_(Buffer(device, kernel, kArena, program.arena_bytes)),
      status_(Buffer(device, kernel, kStatus, sizeof(NpuStatus))),
      run_(kernel) {
  run_.set_arg(kInstructions, instructions_);
  run_.set_arg(kInstructionCount, static_cast<std::uint32_t>(program.instructions.size()));
  run_.set_arg(kWeights, weights_);
  run_.set_arg(kInput, input_);
  run_.set_arg(kOutput, output_);
  run_.set_arg(kArena, arena_);
  run_.set_arg(kStatus, status_);
  run_.set_arg(kWeightsBeats, std::uint64_t{program.weights.size() / beat_bytes});
  run_.set_arg(kInputBeats, std::uint64_t{program.input_bytes / beat_bytes});
  run_.set_arg(kOutputBeats, std::uint64_t{program.output_bytes / beat_bytes});
  run_.set_arg(kArenaBeats, std::uint64_t{program.arena_bytes / beat_bytes});
}

void XrtProgram::Prepare(std::span<const std::uint8_t> input) {
  std::memcpy(input_.map<std::uint8_t*>(), input.data(), input.size());
  input_.sync(XCL_BO_SYNC_BO_TO_DEVICE, input.size(), 0);
  std::memset(status_.map<std::uint8_t*>(), kUnwritten, sizeof(NpuStatus));
  status_.sync(XCL_BO_SYNC_BO_TO_DEVICE, sizeof(NpuStatus), 0);
}

bool XrtProgram::ReadStatus(NpuStatus* status) {
  status_.sync(XCL_BO_SYNC_BO_FROM_DEVICE, sizeof(NpuStatus), 0);
  std::memcpy(status, status_.map<const std::uint8_t*>(), sizeof(NpuStatus));
  std::uint32_t unwritten = 0;
  std::memset(&unwritten, kUnwritten, sizeof(unwritten));
  return status->fault != unwritten;
}

void XrtProgram::ReadOutput(std::span<std::uint8_t> output) {
  output_.sync(XCL_BO_SYNC_BO_FROM_DEVICE, output.size(), 0);
  std::memcpy(output.data(), output_.map<const std::uint8_t*>(), output.size());
}

xrt::bo XrtProgram::Filled(const xrt::device& device, const xrt::kernel& kernel, int argument,
                           const void* bytes, std::size_t count) {
  xrt::bo buffer = Buffer(device, kernel, argument, count);
  if (count == 0) return buffer;
  std::memcpy(buffer.map<std::uint8_t*>(), bytes, count);
  buffer.sync(XCL_BO_SYNC_BO_TO_DEVICE, count, 0);
  return buffer;
}

}  // namespace sluice::xrt_device
