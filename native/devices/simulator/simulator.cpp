#include "native/devices/simulator/simulator.hpp"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/npu/npu.hpp"

namespace sluice {
namespace {

// The off-chip memory that a real device would keep for a program.
class SimulatedProgram final : public ResidentProgram {
 public:
  explicit SimulatedProgram(Program program)
      : ResidentProgram(std::move(program)),
        input(this->program().input_bytes / kBeatBytes),
        output(this->program().output_bytes / kBeatBytes),
        arena(this->program().arena_bytes / kBeatBytes) {}

  std::vector<Beat> input;
  std::vector<Beat> output;
  std::vector<Beat> arena;
};

Status FaultStatus(Fault fault, std::uint32_t instruction) {
  constexpr const char* kReasons[] = {"no fault", "no such operation",
                                      "a token is missing or too many",
                                      "an address is out of range", "no FINISH"};
  return Status{StatusCode::kDeviceFault, "NPU: instruction " + std::to_string(instruction) + ": " +
                                              kReasons[static_cast<std::size_t>(fault)]};
}

template <class Configuration>
class Simulator final : public Device {
 public:
  Simulator()
      : hardware_(HardwareOf<Configuration>()),
        state_(std::make_unique<NpuState<Configuration>>()) {}

  const Hardware& hardware() const override { return hardware_; }

  Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) override {
    *resident = std::make_shared<SimulatedProgram>(std::move(program));
    return Ok();
  }

  Status Run(ResidentProgram& resident, std::span<const std::uint8_t> input,
             std::span<std::uint8_t> output, const std::atomic<bool>& stop,
             Counters* counters) override {
    SimulatedProgram& simulated = static_cast<SimulatedProgram&>(resident);
    std::memcpy(simulated.input.data(), input.data(), input.size());
    const Status status = RunProgram(simulated, stop);
    counters->instructions += state_->status.instructions;
    counters->multiply_accumulates += state_->status.multiply_accumulates;
    counters->bytes_loaded += state_->status.beats_loaded * kBeatBytes;
    counters->bytes_stored += state_->status.beats_stored * kBeatBytes;
    if (status.ok()) std::memcpy(output.data(), simulated.output.data(), output.size());
    return status;
  }

 private:
  // NpuRun with a look at `stop` between instructions.
  Status RunProgram(SimulatedProgram& simulated, const std::atomic<bool>& stop) {
    const Program& program = simulated.program();
    const RegionSizes sizes{program.weights.size(), simulated.input.size(), simulated.output.size(),
                            simulated.arena.size()};
    NpuReset<Configuration>(*state_);
    for (const isa::InstructionWords& words : program.instructions) {
      if (stop) return Status{StatusCode::kCancelled, "NPU: the run was stopped"};
      if (!NpuAdvance<Configuration>(words, *state_, program.weights.data(), simulated.input.data(),
                                     simulated.output.data(), simulated.arena.data(), sizes)) {
        break;
      }
    }
    const NpuStatus& status = state_->status;
    const Fault fault = static_cast<Fault>(status.fault);
    if (fault != Fault::kNone) return FaultStatus(fault, status.instruction);
    return status.finished != 0 ? Ok() : FaultStatus(Fault::kUnfinished, status.instruction);
  }

  const Hardware hardware_;
  const std::unique_ptr<NpuState<Configuration>> state_;
};

}  // namespace

Status OpenSimulator(std::string_view configuration, std::unique_ptr<Device>* device) {
  std::string known;
#define SLUICE_OPEN_IF_NAMED(Configuration)                 \
  if (configuration == Configuration::kName) {              \
    *device = std::make_unique<Simulator<Configuration>>(); \
    return Ok();                                            \
  }                                                         \
  known += std::string(known.empty() ? "" : ", ") + Configuration::kName;
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_OPEN_IF_NAMED)
#undef SLUICE_OPEN_IF_NAMED
  return Status{
      StatusCode::kDeviceUnavailable,
      "NPU simulator: no configuration \"" + std::string(configuration) + "\"; there are " + known};
}

}  // namespace sluice
