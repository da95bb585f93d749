// LOAD and STORE: between a program's regions and the on-chip memories.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_TRANSFERS_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_TRANSFERS_HPP_

#include <atomic>
#include <cstdint>
#include <span>

#include "hls/isa/generated/decode.hpp"
#include "native/devices/simulator/bounds.hpp"
#include "native/devices/simulator/kernels/kernels.hpp"
#include "native/devices/simulator/scratchpads.hpp"

namespace sluice::simulator {

// A run's off-chip memory.
struct Regions {
  std::span<const std::uint8_t> weights;
  std::span<const std::uint8_t> input;
  std::span<std::uint8_t> output;
  std::span<std::uint8_t> arena;

  RegionBeats Beats(std::size_t beat_bytes) const;
};

// Each runs one instruction that CheckTransfer has let pass; ends early once `stop` is set.
void RunLoad(const isa::Transfer& fields, const Regions& regions, const Kernels& kernels,
             const std::atomic<bool>& stop, Scratchpads& memory);
void RunStore(const isa::Transfer& fields, const Regions& regions, const Kernels& kernels,
              const std::atomic<bool>& stop, Scratchpads& memory);

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_TRANSFERS_HPP_
