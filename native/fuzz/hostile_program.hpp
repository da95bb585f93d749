// What must hold for any bytes that claim to be an NPU program: the loader refuses them, or a
// device runs them to their end.
#ifndef SLUICE_NATIVE_FUZZ_HOSTILE_PROGRAM_HPP_
#define SLUICE_NATIVE_FUZZ_HOSTILE_PROGRAM_HPP_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "native/core/hardware.hpp"

namespace sluice::fuzz {

enum class Outcome {
  kRefused,
  // Accepted, and too much work to be run here.
  kAccepted,
  kRan,
  // An accepted program that did not run to its end: a defect.
  kFailed,
};

struct Verdict {
  Outcome outcome = Outcome::kRefused;
  std::string reason;
};

// Every configuration there is.
const std::vector<Hardware>& AllHardware();

// Reads the file for each configuration and runs it on the functional simulator of the one that it
// was made for.
Verdict TryProgram(std::span<const std::uint8_t> file);

}  // namespace sluice::fuzz

#endif  // SLUICE_NATIVE_FUZZ_HOSTILE_PROGRAM_HPP_
