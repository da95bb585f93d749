// Program files for the tests: one that uses every operation, which a test may then damage.
#ifndef SLUICE_NATIVE_TESTS_PROGRAM_BUILDER_HPP_
#define SLUICE_NATIVE_TESTS_PROGRAM_BUILDER_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/isa/generated/assemble.hpp"
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

// Indices of the instructions that MakeSample writes.
enum SampleInstruction : std::size_t {
  kLoadWeights,
  kLoadRecords,
  kLoadTables,
  kLoadInput,
  kConvolve,
  kConvolveDepthwise,
  kPool,
  kAdd,
  kMultiply,
  kSpill,
  kCopy,
  kReload,
  kUpsample,
  kStoreOutput,
  kFinishProgram,
};

// Where MakeSample puts what, in lines of activation memory, tiles and beats.
struct SamplePlaces {
  std::uint32_t wide_lines;
  std::uint32_t narrow_lines;
  std::uint32_t upsampled_lines;
  std::uint32_t input;
  std::uint32_t convolved;
  std::uint32_t reduced;
  std::uint32_t pooled;
  std::uint32_t product;
  std::uint32_t reloaded;
  std::uint32_t upsampled;
  std::uint32_t lines;
  std::uint32_t tiles;
  std::uint32_t record_beat;
  std::uint32_t table_beat;
  std::uint32_t weight_beats;
};

SamplePlaces PlacesOf(const Hardware& hardware);

// A program of two channel blocks: a 4 x 5 input, a dense and a depthwise 3 x 3 convolution, a
// maximum, a sum, a product, a detour through the arena, and a 4 x 6 output. Its tokens leave no
// choice that shows.
ProgramParts MakeSample(const Hardware& hardware);

// The file, with right sizes and checksums, for `hardware`.
FileBytes EncodeProgram(const ProgramParts& parts, const Hardware& hardware);

// Writes the file's three checksums anew, so that a damaged field reaches the checks behind them.
void FixChecksums(FileBytes* file);

}  // namespace sluice::testing

#endif  // SLUICE_NATIVE_TESTS_PROGRAM_BUILDER_HPP_
