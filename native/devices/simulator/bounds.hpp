// The checks that a device makes of its own accord before an instruction runs, so that a program
// that no loader has seen ends with a fault and not with a crash. Less than the loader's rules
// (native/core/program_rules.hpp): only what keeps every access inside its memory.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_BOUNDS_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_BOUNDS_HPP_

#include <array>
#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "native/core/hardware.hpp"

namespace sluice::simulator {

// Beats of each region, by isa::Region.
using RegionBeats = std::array<std::uint64_t, 4>;

// Each: what is wrong with the instruction, null when nothing is.
const char* CheckTransfer(const isa::Transfer& fields, bool is_store, const Hardware& hardware,
                          const RegionBeats& regions);
const char* CheckConvolution(const isa::Convolution& fields, const Hardware& hardware);
const char* CheckPool(const isa::Pool& fields, const Hardware& hardware);
const char* CheckAddition(const isa::Addition& fields, const Hardware& hardware);
const char* CheckMultiplication(const isa::Multiplication& fields, const Hardware& hardware);

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_BOUNDS_HPP_
