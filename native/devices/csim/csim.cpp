#include "native/devices/csim/csim.hpp"

#include <atomic>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/npu/npu.hpp"

namespace sluice {
namespace {

// The off-chip memory that a real device would keep for a program.
template <class Configuration>
class CsimProgram final : public ResidentProgram {
 public:
  using Beats = std::vector<Beat<Configuration>>;

  explicit CsimProgram(Program program, std::uint64_t number)
      : ResidentProgram(std::move(program)),
        number(number),
        weights(BeatsIn(this->program().weights.size())),
        input(BeatsIn(this->program().input_bytes)),
        output(BeatsIn(this->program().output_bytes)),
        arena(BeatsIn(this->program().arena_bytes)) {
    if (!weights.empty()) {
      std::memcpy(weights.data(), this->program().weights.data(), this->program().weights.size());
    }
  }

  // Differs from every other program's of the device.
  const std::uint64_t number;
  Beats weights;
  Beats input;
  Beats output;
  Beats arena;

 private:
  static std::size_t BeatsIn(std::size_t bytes) { return bytes / sizeof(Beat<Configuration>); }
};

Status FaultStatus(const NpuStatus& status) {
  constexpr const char* kReasons[] = {"it is the last one and not FINISH", "no such operation",
                                      "a token is missing or too many",
                                      "an address or a size is out of range"};
  return Status{StatusCode::kDeviceFault, "NPU: instruction " + std::to_string(status.instruction) +
                                              ": " + kReasons[status.fault]};
}

template <class Configuration>
class Csim final : public Device {
 public:
  Csim()
      : hardware_(HardwareOf<Configuration>()),
        state_(std::make_unique<NpuState<Configuration>>()) {}

  const Hardware& hardware() const override { return hardware_; }

  Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) override {
    *resident = std::make_shared<CsimProgram<Configuration>>(std::move(program), ++programs_);
    return Ok();
  }

  Status Run(ResidentProgram& resident, std::span<const std::uint8_t> input,
             std::span<std::uint8_t> output, const std::atomic<bool>& stop,
             Counters* counters) override {
    auto& program = static_cast<CsimProgram<Configuration>&>(resident);
    if (program.number != last_program_) state_ = std::make_unique<NpuState<Configuration>>();
    last_program_ = program.number;
    std::memcpy(program.input.data(), input.data(), input.size());
    const Status status = RunProgram(program, stop);
    const NpuStatus& counted = state_->status;
    AddCounters(Counters{.instructions = counted.instructions,
                         .execute_cycles = counted.execute_cycles,
                         .multiply_accumulates = counted.multiply_accumulates,
                         .bytes_loaded = counted.beats_loaded * Configuration::kInputParallel,
                         .bytes_stored = counted.beats_stored * Configuration::kInputParallel},
                counters);
    if (status.ok()) std::memcpy(output.data(), program.output.data(), output.size());
    return status;
  }

 private:
  // NpuRun with a look at `stop` between instructions.
  Status RunProgram(CsimProgram<Configuration>& program, const std::atomic<bool>& stop) {
    const RegionSizes sizes{program.weights.size(), program.input.size(), program.output.size(),
                            program.arena.size()};
    NpuReset<Configuration>(*state_);
    for (const isa::InstructionWords& words : program.program().instructions) {
      if (stop) return Status{StatusCode::kCancelled, "NPU: the run was stopped"};
      if (!NpuAdvance<Configuration>(words, *state_, sizes, program.weights.data(),
                                     program.input.data(), program.output.data(),
                                     program.arena.data())) {
        break;
      }
    }
    return state_->status.finished != 0 ? Ok() : FaultStatus(state_->status);
  }

  const Hardware hardware_;
  // Too large for a stack.
  std::unique_ptr<NpuState<Configuration>> state_;
  std::atomic<std::uint64_t> programs_ = 0;
  // The program whose data the memories hold.
  std::uint64_t last_program_ = 0;
};

}  // namespace

Status OpenCsim(std::string_view configuration, std::unique_ptr<Device>* device) {
  std::string known;
#define SLUICE_OPEN_IF_NAMED(Configuration)            \
  if (configuration == Configuration::kName) {         \
    *device = std::make_unique<Csim<Configuration>>(); \
    return Ok();                                       \
  }                                                    \
  known += std::string(known.empty() ? "" : ", ") + Configuration::kName;
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_OPEN_IF_NAMED)
#undef SLUICE_OPEN_IF_NAMED
  return Status{StatusCode::kDeviceUnavailable, "NPU C simulation: no configuration \"" +
                                                    std::string(configuration) + "\"; there are " +
                                                    known};
}

}  // namespace sluice
