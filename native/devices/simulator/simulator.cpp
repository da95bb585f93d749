#include "native/devices/simulator/simulator.hpp"

#include <algorithm>
#include <new>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "native/devices/simulator/counting.hpp"
#include "native/devices/simulator/machine.hpp"
#include "native/devices/simulator/schedule.hpp"

namespace sluice {
namespace {

using simulator::CountFunction;
using simulator::KernelSet;
using simulator::Regions;
using simulator::Schedule;

// A program, dealt out to the units, and the memory that a real device would keep for it.
class SimulatedProgram final : public ResidentProgram {
 public:
  SimulatedProgram(Program program, std::uint64_t number)
      : ResidentProgram(std::move(program)),
        number(number),
        queues(simulator::DealOut(this->program().instructions)),
        arena(this->program().arena_bytes) {}

  // Tells programs of one device apart, also those that are gone.
  const std::uint64_t number;
  const simulator::UnitQueues queues;
  std::vector<std::uint8_t> arena;
};

class Simulator final : public Device {
 public:
  Simulator(Hardware hardware, CountFunction count, const KernelSet& kernels, SimulatorFacts facts)
      : hardware_(std::move(hardware)),
        count_(count),
        facts_(std::move(facts)),
        random_(facts_.seed),
        machine_(hardware_, kernels, facts_.threads) {}

  const Hardware& hardware() const override { return hardware_; }

  Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) override {
    *resident = std::make_shared<SimulatedProgram>(std::move(program), ++programs_);
    return Ok();
  }

  Status Run(ResidentProgram& resident, std::span<const std::uint8_t> input,
             std::span<std::uint8_t> output, const std::atomic<bool>& stop,
             Counters* counters) override {
    SimulatedProgram& program = static_cast<SimulatedProgram&>(resident);
    if (last_program_ != program.number) {
      // One program must not see what another one left.
      machine_.Clear();
      last_program_ = program.number;
    }
    ++runs_;
    return RunInstructions(
        program, Regions{program.program().weights, input, output, program.arena}, stop, counters);
  }

 private:
  Status RunInstructions(SimulatedProgram& program, const Regions& regions,
                         const std::atomic<bool>& stop, Counters* counters) {
    Schedule schedule(program.queues, random_);
    for (;;) {
      if (stop) return Status{StatusCode::kCancelled, "NPU: the run was stopped"};
      std::uint32_t instruction = 0;
      const Schedule::Outcome outcome = schedule.Next(&instruction);
      if (outcome == Schedule::Outcome::kFinished) return Ok();
      if (outcome == Schedule::Outcome::kFault) return Fault(schedule.reason());
      const isa::InstructionWords& words = program.program().instructions[instruction];
      const std::uint32_t operation = program.queues.headers[instruction].operation;
      const char* wrong = machine_.Run(words, operation, regions, stop);
      if (wrong != nullptr) {
        return Fault("instruction " + std::to_string(instruction) + ": " + wrong);
      }
      AddCounters(count_(words, operation), counters);
      schedule.Done();
    }
  }

  Status Fault(const std::string& reason) const {
    return Status{StatusCode::kDeviceFault, "NPU simulator: " + reason + " (seed " +
                                                std::to_string(facts_.seed) + ", run " +
                                                std::to_string(runs_) + ")"};
  }

  const Hardware hardware_;
  const CountFunction count_;
  const SimulatorFacts facts_;
  simulator::Random random_;
  simulator::Machine machine_;
  std::uint64_t programs_ = 0;
  std::uint64_t last_program_ = 0;
  std::uint64_t runs_ = 0;
};

std::uint64_t DrawSeed() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

// Null when this processor has no kernels of that name.
const KernelSet* FindKernels(std::string_view name) {
  const std::vector<const KernelSet*> usable = simulator::UsableKernels();
  if (name.empty()) return usable.front();
  const auto found =
      std::ranges::find(usable, name, [](const KernelSet* set) { return set->name; });
  return found == usable.end() ? nullptr : *found;
}

unsigned ThreadsOf(const SimulatorOptions& options) {
  if (options.threads != 0) return options.threads;
  return std::clamp(std::thread::hardware_concurrency(), 1u, kSimulatorThreadsDefaultMax);
}

template <class Configuration>
Status Open(const SimulatorOptions& options, std::unique_ptr<Device>* device,
            SimulatorFacts* facts) {
  if (options.threads > kSimulatorThreadsMax) {
    return Status{StatusCode::kLimitExceeded,
                  "NPU simulator: threads is " + std::to_string(options.threads) + ", at most " +
                      std::to_string(kSimulatorThreadsMax) + " expected"};
  }
  const KernelSet* kernels = FindKernels(options.kernels);
  if (kernels == nullptr) {
    return Status{StatusCode::kDeviceUnavailable,
                  "NPU simulator: this processor has no kernels \"" + options.kernels +
                      "\"; there are " + SimulatorKernels()};
  }
  SimulatorFacts opened{options.seed ? *options.seed : DrawSeed(), ThreadsOf(options),
                        kernels->name};
  try {
    *device = std::make_unique<Simulator>(
        HardwareOf<Configuration>(), simulator::CountInstruction<Configuration>, *kernels, opened);
  } catch (const std::system_error& error) {
    return Status{StatusCode::kDeviceUnavailable,
                  std::string("NPU simulator: no thread to run on: ") + error.what()};
  } catch (const std::bad_alloc&) {
    return Status{StatusCode::kDeviceUnavailable, "NPU simulator: not enough memory"};
  }
  if (facts != nullptr) *facts = std::move(opened);
  return Ok();
}

}  // namespace

Status OpenSimulator(std::string_view configuration, const SimulatorOptions& options,
                     std::unique_ptr<Device>* device, SimulatorFacts* facts) {
  std::string known;
#define SLUICE_OPEN_IF_NAMED(Configuration)             \
  if (configuration == Configuration::kName) {          \
    return Open<Configuration>(options, device, facts); \
  }                                                     \
  known += std::string(known.empty() ? "" : ", ") + Configuration::kName;
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_OPEN_IF_NAMED)
#undef SLUICE_OPEN_IF_NAMED
  return Status{
      StatusCode::kDeviceUnavailable,
      "NPU simulator: no configuration \"" + std::string(configuration) + "\"; there are " + known};
}

std::string SimulatorKernels() {
  std::string names;
  for (const KernelSet* set : simulator::UsableKernels()) {
    names += std::string(names.empty() ? "" : ", ") + set->name;
  }
  return names;
}

}  // namespace sluice
