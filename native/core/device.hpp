// What every NPU, simulated or real, can do. Calls block; DeviceWorker gives each device a thread.
#ifndef SLUICE_NATIVE_CORE_DEVICE_HPP_
#define SLUICE_NATIVE_CORE_DEVICE_HPP_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "native/core/hardware.hpp"
#include "native/core/program.hpp"
#include "native/core/status.hpp"

namespace sluice {

// What a run did, as the hardware counted it.
struct Counters {
  std::uint64_t instructions = 0;
  // Clocks of the EXECUTE unit's loops (hls/isa/README.md), not of the whole run.
  std::uint64_t execute_cycles = 0;
  std::uint64_t multiply_accumulates = 0;
  std::uint64_t bytes_loaded = 0;
  std::uint64_t bytes_stored = 0;
};

inline void AddCounters(const Counters& more, Counters* counters) {
  counters->instructions += more.instructions;
  counters->execute_cycles += more.execute_cycles;
  counters->multiply_accumulates += more.multiply_accumulates;
  counters->bytes_loaded += more.bytes_loaded;
  counters->bytes_stored += more.bytes_stored;
}

// A program that lies ready on a device. Destroying it unloads it.
class ResidentProgram {
 public:
  explicit ResidentProgram(Program program) : program_(std::move(program)) {}
  virtual ~ResidentProgram() = default;
  ResidentProgram(const ResidentProgram&) = delete;
  ResidentProgram& operator=(const ResidentProgram&) = delete;

  const Program& program() const { return program_; }

 private:
  const Program program_;
};

// One NPU.
class Device {
 public:
  virtual ~Device() = default;

  virtual const Hardware& hardware() const = 0;

  // Makes a checked program resident. May be called while Run runs on another thread;
  // one call at a time.
  virtual Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) = 0;

  // Runs one item. `input` and `output` have the program's sizes. Ends early with kCancelled once
  // `stop` is set. `counters` is added to. One call at a time.
  virtual Status Run(ResidentProgram& resident, std::span<const std::uint8_t> input,
                     std::span<std::uint8_t> output, const std::atomic<bool>& stop,
                     Counters* counters) = 0;

  // Lets go of what outlives the process or holds others up, and ends a Load on another thread
  // soon. Called while nothing runs; Load and Run may be called no more.
  virtual void Close() {}
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_DEVICE_HPP_
