// The timed simulation: how long a program takes, by an event-driven model of fetch, LOAD, EXECUTE,
// STORE and the memory. docs/reference/npu-performance.md describes the model and what it leaves
// out. An estimate: its parameters have not been fitted to any hardware.
#ifndef SLUICE_NATIVE_CORE_TIMING_SIMULATION_HPP_
#define SLUICE_NATIVE_CORE_TIMING_SIMULATION_HPP_

#include <atomic>
#include <span>

#include "hls/isa/extract.hpp"
#include "native/core/hardware.hpp"
#include "native/core/status.hpp"
#include "native/core/timing/timeline.hpp"

namespace sluice::timing {

// Instructions that wait in front of a unit; fetch stops when the next one has no room.
constexpr std::size_t kInstructionQueueDepth = 16;

// The timeline of a program's instructions; the same for the same instructions, always. Takes a
// time that grows with their number alone. kProgramInvalid when an instruction cannot be costed
// (instruction_cost.hpp), FINISH is missing or not last, there are too many, or the units wait for
// each other; kCancelled once `stop` is set. A program that the loader accepts is none of these.
Status Simulate(std::span<const isa::InstructionWords> instructions, const Hardware& hardware,
                const std::atomic<bool>& stop, Timeline* timeline);

}  // namespace sluice::timing

#endif  // SLUICE_NATIVE_CORE_TIMING_SIMULATION_HPP_
