// The NPU on this computer's processor, fast: runs the instructions of hls/isa/README.md with
// arithmetic of its own, not with the sources of hls/ (native/devices/csim does that).
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_SIMULATOR_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_SIMULATOR_HPP_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "native/core/device.hpp"
#include "native/core/status.hpp"

namespace sluice {

struct SimulatorOptions {
  // Of the order among units that are ready; absent: drawn anew for each device. Every fault names
  // it.
  std::optional<std::uint64_t> seed;
  // Threads that share a large instruction, at most kSimulatorThreadsMax; 0: as many as the
  // processor has, at most kSimulatorThreadsDefaultMax. The answer does not depend on it.
  unsigned threads = 0;
  // Name of the processor's instructions to use, one of SimulatorKernels(); empty: the fastest.
  std::string kernels;
};

constexpr unsigned kSimulatorThreadsMax = 64;
constexpr unsigned kSimulatorThreadsDefaultMax = 4;

// What a simulator was opened with, defaults filled in.
struct SimulatorFacts {
  std::uint64_t seed = 0;
  unsigned threads = 0;
  std::string kernels;
};

// Opens the simulation of a configuration of hls/config by its name. kDeviceUnavailable names the
// configurations or kernels that exist, or says that threads could not be had; kLimitExceeded: more
// than kSimulatorThreadsMax threads.
Status OpenSimulator(std::string_view configuration, const SimulatorOptions& options,
                     std::unique_ptr<Device>* device, SimulatorFacts* facts = nullptr);

// The kernels that this processor can run, one name after the other, fastest first, with ", "
// between them.
std::string SimulatorKernels();

}  // namespace sluice

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_SIMULATOR_HPP_
