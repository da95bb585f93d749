#include "native/core/timing/memory_bus.hpp"

#include <algorithm>

namespace sluice::timing {
namespace {

constexpr std::uint64_t kProgressUnit = 1 << 16;

std::uint64_t RoundedUp(std::uint64_t dividend, std::uint64_t divisor) {
  return dividend / divisor + (dividend % divisor != 0 ? 1 : 0);
}

}  // namespace

void MemoryBus::Start(std::size_t port, const InstructionCost& cost) {
  Port& started = ports_[port];
  started.remaining = cost.clocks * kProgressUnit;
  started.megabyte_clocks = cost.beats * word_megabytes_;
  started.clocks = cost.clocks;
  started.demand = RoundedUp(started.megabyte_clocks, cost.clocks);
  Share();
}

std::uint64_t MemoryBus::ClocksLeft(std::size_t port) const {
  return RoundedUp(ports_[port].remaining, ports_[port].progress_a_clock);
}

void MemoryBus::Advance(std::uint64_t clocks) {
  bool ended = false;
  for (Port& port : ports_) {
    if (port.remaining == 0) continue;
    port.remaining -= std::min(port.remaining, clocks * port.progress_a_clock);
    ended = ended || port.remaining == 0;
  }
  if (ended) Share();
}

void MemoryBus::Share() {
  for (std::size_t index = 0; index < kPorts; ++index) {
    Port& port = ports_[index];
    if (port.remaining == 0) continue;
    const Port& other = ports_[kPorts - 1 - index];
    const std::uint64_t taken = other.remaining == 0 ? 0 : other.demand;
    const std::uint64_t left = taken < megabytes_per_second_ ? megabytes_per_second_ - taken : 0;
    port.progress_a_clock =
        ProgressOf(port, std::min(port.demand, std::max(left, megabytes_per_second_ / 2)));
  }
}

// Whole clocks where the demand is met, so that a transfer alone takes exactly its clocks.
std::uint64_t MemoryBus::ProgressOf(const Port& port, std::uint64_t granted) const {
  if (granted >= port.demand) return kProgressUnit;
  const std::uint64_t progress = kProgressUnit * granted * port.clocks / port.megabyte_clocks;
  return std::clamp<std::uint64_t>(progress, 1, kProgressUnit);
}

}  // namespace sluice::timing
