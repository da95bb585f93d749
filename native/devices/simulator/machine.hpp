// The units and their memories: runs one instruction at a time.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_MACHINE_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_MACHINE_HPP_

#include <atomic>
#include <cstdint>
#include <vector>

#include "hls/isa/extract.hpp"
#include "native/core/hardware.hpp"
#include "native/devices/simulator/execution.hpp"
#include "native/devices/simulator/transfers.hpp"

namespace sluice::simulator {

class Machine {
 public:
  // Throws std::system_error where a thread can't be had, std::bad_alloc where memory can't.
  Machine(const Hardware& hardware, const KernelSet& kernels, unsigned threads);

  // Forgets all that earlier programs left.
  void Clear() { memory_.Clear(); }

  // Runs one instruction; what is wrong with it, null when nothing is. Ends early once `stop` is
  // set.
  const char* Run(const isa::InstructionWords& words, std::uint32_t operation,
                  const Regions& regions, const std::atomic<bool>& stop);

 private:
  const char* RunTransfer(const isa::InstructionWords& words, bool is_store, const Regions& regions,
                          const std::atomic<bool>& stop);
  const char* RunConvolution(const isa::InstructionWords& words, const Execution& execution);

  const Hardware& hardware_;
  const Kernels& kernels_;
  Scratchpads memory_;
  ForkJoin fork_join_;
  std::vector<WorkerMemory> workers_;
  std::vector<std::int32_t> bias_;
  std::vector<std::int8_t> depthwise_;
};

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_MACHINE_HPP_
