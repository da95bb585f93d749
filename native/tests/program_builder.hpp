// Program files for the tests: one layer that a test may then damage.
#ifndef SLUICE_NATIVE_TESTS_PROGRAM_BUILDER_HPP_
#define SLUICE_NATIVE_TESTS_PROGRAM_BUILDER_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/gemm/random_operands.hpp"
#include "hls/isa/assemble.hpp"
#include "native/core/hardware.hpp"

namespace sluice::testing {

using FileBytes = std::vector<std::uint8_t>;

// Parts of a program file, before they become bytes.
struct ProgramParts {
  std::vector<isa::InstructionWords> instructions;
  FileBytes weights;
  std::uint32_t input_bytes = 0;
  std::uint32_t output_bytes = 0;
  std::uint32_t arena_bytes = 0;
};

// Indices of the instructions that MakeLayer writes.
enum LayerInstruction : std::size_t {
  kLoadWeights,
  kLoadRecords,
  kLoadInput,
  kMultiply,
  kSpill,
  kReload,
  kStoreOutput,
  kFinishProgram,
};

// A program that multiplies one row, spills the result to the arena, loads it again and stores it.
// `made` has one row and whole blocks of 16.
ProgramParts MakeLayer(const RandomGemm& made);

// The file, with right sizes and checksums, for `hardware`.
FileBytes EncodeProgram(const ProgramParts& parts, const Hardware& hardware);

// Writes the file's three checksums anew, so that a damaged field reaches the checks behind them.
void FixChecksums(FileBytes* file);

}  // namespace sluice::testing

#endif  // SLUICE_NATIVE_TESTS_PROGRAM_BUILDER_HPP_
