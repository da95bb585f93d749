#include "native/fuzz/hostile_program.hpp"

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

#include "hls/config/generated/configurations.hpp"
#include "hls/isa/generated/decode.hpp"
#include "native/core/program.hpp"
#include "native/devices/simulator/simulator.hpp"

namespace sluice::fuzz {
namespace {

// What one run may take: some milliseconds with sanitizers.
constexpr std::uint64_t kWorkMax = 1 << 17;
constexpr std::size_t kRegionBytesMax = 1 << 20;

std::uint64_t WorkOf(const isa::Convolution& fields) {
  return std::uint64_t{fields.output_blocks} * fields.output_rows * fields.output_columns *
         fields.kernel_rows * fields.kernel_columns * fields.input_blocks;
}

std::uint64_t WorkOf(const isa::Pool& fields) {
  return std::uint64_t{fields.blocks} * fields.output_rows * fields.output_columns *
         fields.kernel_rows * fields.kernel_columns;
}

// Words that an instruction reads or moves, about. No field has more than 14 bits.
std::uint64_t WorkOf(const isa::InstructionWords& words) {
  switch (static_cast<isa::Operation>(isa::DecodeHeader(words).operation)) {
    case isa::Operation::kLoad:
    case isa::Operation::kStore: {
      const isa::Transfer fields = isa::DecodeTransfer(words);
      const std::uint64_t item = fields.memory == 0 ? 1 : isa::kTableBytes / 8;
      return std::uint64_t{fields.columns} * fields.rows * fields.blocks * item;
    }
    case isa::Operation::kConvolve:
      return WorkOf(isa::DecodeConvolution(words));
    case isa::Operation::kPool:
      return WorkOf(isa::DecodePool(words));
    case isa::Operation::kAdd: {
      const isa::Addition fields = isa::DecodeAddition(words);
      return std::uint64_t{fields.rows} * fields.columns * fields.blocks;
    }
    case isa::Operation::kMultiply: {
      const isa::Multiplication fields = isa::DecodeMultiplication(words);
      return std::uint64_t{fields.rows} * fields.columns * fields.blocks;
    }
    case isa::Operation::kFinish:
      break;
  }
  return 0;
}

bool SmallEnough(const Program& program) {
  if (program.input_bytes + program.output_bytes + program.arena_bytes > kRegionBytesMax) {
    return false;
  }
  std::uint64_t work = 0;
  for (const isa::InstructionWords& words : program.instructions) {
    work += WorkOf(words);
    if (work > kWorkMax) return false;
  }
  return true;
}

// The simulator of a configuration; each is opened once.
Device& SimulatorOf(const Hardware& hardware) {
  static std::map<std::string, std::unique_ptr<Device>> devices;
  std::unique_ptr<Device>& device = devices[hardware.configuration];
  if (device == nullptr) {
    SimulatorOptions options;
    options.seed = 1;
    options.threads = 1;
    const Status status = OpenSimulator(hardware.configuration, options, &device);
    if (!status.ok()) std::abort();
  }
  return *device;
}

Verdict RunProgram(const Hardware& hardware, Program program) {
  Device& device = SimulatorOf(hardware);
  std::vector<std::uint8_t> input(program.input_bytes);
  for (std::size_t index = 0; index < input.size(); ++index) {
    input[index] = static_cast<std::uint8_t>(index * 37);
  }
  std::vector<std::uint8_t> output(program.output_bytes);
  std::shared_ptr<ResidentProgram> resident;
  Status status = device.Load(std::move(program), &resident);
  Counters counters;
  if (status.ok()) {
    status = device.Run(*resident, input, output, std::atomic<bool>(false), &counters);
  }
  return status.ok() ? Verdict{Outcome::kRan, ""} : Verdict{Outcome::kFailed, status.reason};
}

}  // namespace

const std::vector<Hardware>& AllHardware() {
#define SLUICE_HARDWARE_OF(Configuration) HardwareOf<Configuration>(),
  static const std::vector<Hardware> all = {SLUICE_FOR_EACH_CONFIGURATION(SLUICE_HARDWARE_OF)};
#undef SLUICE_HARDWARE_OF
  return all;
}

Verdict TryProgram(std::span<const std::uint8_t> file) {
  Verdict verdict;
  for (const Hardware& hardware : AllHardware()) {
    Program program;
    const Status status = ParseProgram(file, hardware, std::atomic<bool>(false), &program);
    if (status.code == StatusCode::kProgramInvalid) verdict.reason = status.reason;
    if (!status.ok()) continue;
    if (!SmallEnough(program)) return Verdict{Outcome::kAccepted, ""};
    return RunProgram(hardware, std::move(program));
  }
  return verdict;
}

}  // namespace sluice::fuzz
