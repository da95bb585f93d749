// The off-chip memory that LOAD and STORE share: who gets how much of its bandwidth.
#ifndef SLUICE_NATIVE_CORE_TIMING_MEMORY_BUS_HPP_
#define SLUICE_NATIVE_CORE_TIMING_MEMORY_BUS_HPP_

#include <array>
#include <cstddef>
#include <cstdint>

#include "native/core/hardware.hpp"
#include "native/core/timing/instruction_cost.hpp"

namespace sluice::timing {

// Two ports, LOAD's and STORE's. A port alone passes a beat a clock, or fewer where short bursts do
// not hide the latency; both together pass no more than the memory's bandwidth, of which each gets
// what it asks for up to one half, and more where the other leaves it. Integers only.
class MemoryBus {
 public:
  static constexpr std::size_t kPorts = 2;

  explicit MemoryBus(const Hardware& hardware)
      : word_megabytes_(std::uint64_t{hardware.input_parallel} * hardware.clock_mhz),
        megabytes_per_second_(hardware.memory_megabytes_per_second) {}

  // Begins a transfer on a free port.
  void Start(std::size_t port, const InstructionCost& cost);

  bool active(std::size_t port) const { return ports_[port].remaining != 0; }

  // Clocks until the transfer ends if none starts or ends before.
  std::uint64_t ClocksLeft(std::size_t port) const;

  // Lets `clocks` pass, at most the least ClocksLeft of the active ports.
  void Advance(std::uint64_t clocks);

 private:
  struct Port {
    // In 2^16ths of the clocks that the transfer takes alone.
    std::uint64_t remaining = 0;
    std::uint64_t progress_a_clock = 0;
    // What it asks for: megabytes a second, and the quotient they come from.
    std::uint64_t demand = 0;
    std::uint64_t megabyte_clocks = 0;
    std::uint64_t clocks = 0;
  };

  void Share();
  std::uint64_t ProgressOf(const Port& port, std::uint64_t granted) const;

  const std::uint64_t word_megabytes_;
  const std::uint64_t megabytes_per_second_;
  std::array<Port, kPorts> ports_;
};

}  // namespace sluice::timing

#endif  // SLUICE_NATIVE_CORE_TIMING_MEMORY_BUS_HPP_
