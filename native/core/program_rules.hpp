// What the instructions of a program must hold to; the list stands in hls/isa/README.md.
#ifndef SLUICE_NATIVE_CORE_PROGRAM_RULES_HPP_
#define SLUICE_NATIVE_CORE_PROGRAM_RULES_HPP_

#include <atomic>

#include "native/core/hardware.hpp"
#include "native/core/program.hpp"
#include "native/core/status.hpp"

namespace sluice {

// Follows every instruction once, in program order: fields, bounds, tokens, and that nothing is
// read before it is written. A program has no branches, so what holds here holds for every run. The
// reason names the instruction. Ends early with kCancelled once `stop` is set.
Status CheckInstructions(const Program& program, const Hardware& hardware,
                         const std::atomic<bool>& stop);

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_PROGRAM_RULES_HPP_
