// The program file of contract/npu/program.ts in memory.
#ifndef SLUICE_NATIVE_CORE_PROGRAM_HPP_
#define SLUICE_NATIVE_CORE_PROGRAM_HPP_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hls/isa/extract.hpp"
#include "native/core/hardware.hpp"
#include "native/core/status.hpp"

namespace sluice {

// A program that has been checked: every instruction stays inside the memories and regions.
struct Program {
  std::vector<isa::InstructionWords> instructions;
  // The weight section as the file has it; a beat is `Hardware::input_parallel` bytes of it.
  std::vector<std::uint8_t> weights;
  std::size_t input_bytes = 0;
  std::size_t output_bytes = 0;
  std::size_t arena_bytes = 0;
};

// Reads a program file that may be hostile. Checks magic, version, sizes, checksums and reserved
// bytes, that it was compiled for `hardware` (else kProgramHardwareMismatch), and every instruction
// (program_rules.hpp). `program` is written only on success. Ends early with kCancelled once `stop`
// is set.
Status ParseProgram(std::span<const std::uint8_t> file, const Hardware& hardware,
                    const std::atomic<bool>& stop, Program* program);

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_PROGRAM_HPP_
