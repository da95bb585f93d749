// Clocks, products and bytes of one instruction, from a configuration's run-time values. For the
// configurations that exist, EXECUTE's are equal to the templates of hls/isa/geometry.hpp.
#ifndef SLUICE_NATIVE_CORE_TIMING_INSTRUCTION_COST_HPP_
#define SLUICE_NATIVE_CORE_TIMING_INSTRUCTION_COST_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "native/core/hardware.hpp"
#include "native/core/status.hpp"

namespace sluice::timing {

// Bursts that LOAD's and STORE's memory ports keep in flight. compiler/estimate/cycles.ts has the
// same.
constexpr std::uint32_t kOutstandingBursts = 16;

// What an instruction asks of its unit.
struct InstructionCost {
  isa::Unit unit = isa::Unit::kLoad;
  isa::Header header{};
  // EXECUTE: clocks of the loop, tiles * T + D. LOAD, STORE: clocks in which the beats pass when no
  // other unit uses the memory, without the first beat's latency. FINISH: 0.
  std::uint64_t clocks = 0;
  // Beats that LOAD and STORE move.
  std::uint64_t beats = 0;
  // Clocks in which LOAD and STORE take or give a beat: one a beat, of tables one an entry.
  // `clocks` is never less.
  std::uint64_t passing_clocks = 0;
  // Products that CONVOLVE issues, idle lanes included.
  std::uint64_t multiply_accumulates = 0;
};

// kProgramInvalid when a configuration's values are beyond what the simulation counts with: each
// from 1 (cycles of dispatch, fill and latency from 0) to a named limit.
Status CheckHardware(const Hardware& hardware);

// kProgramInvalid when the operation does not exist, a size is 0, or the instruction is larger than
// the memory it fills; nothing else is checked. `hardware` must have passed CheckHardware.
Status CostOf(const isa::InstructionWords& words, const Hardware& hardware, InstructionCost* cost);

}  // namespace sluice::timing

#endif  // SLUICE_NATIVE_CORE_TIMING_INSTRUCTION_COST_HPP_
