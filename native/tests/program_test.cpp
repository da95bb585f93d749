// The loader on good, damaged and foreign program files. What it refuses of the instructions is in
// transfer_rules_test.cpp and execute_rules_test.cpp, and what a device does with the rest in
// fuzz_corpus_test.cpp.
#include "native/core/program.hpp"

#include "native/tests/rules_bench.hpp"

namespace {

using namespace sluice::testing;
using sluice::Hardware;
using sluice::Program;
using sluice::StatusCode;
namespace isa = sluice::isa;

FileBytes SampleFile() { return EncodeProgram(MakeSample(CiHardware()), CiHardware()); }

void CheckGoodProgram(const Hardware& hardware) {
  const ProgramParts parts = MakeSample(hardware);
  Program program;
  SLUICE_CHECK(sluice::ParseProgram(EncodeProgram(parts, hardware), hardware,
                                    std::atomic<bool>(false), &program)
                   .ok());
  SLUICE_CHECK(program.weights == parts.weights);
  SLUICE_CHECK(program.instructions.size() == parts.instructions.size());
  SLUICE_CHECK(program.instructions[kPool].word[2] == parts.instructions[kPool].word[2]);
  SLUICE_CHECK(program.input_bytes == parts.input_bytes);
  SLUICE_CHECK(program.output_bytes == parts.output_bytes);
  SLUICE_CHECK(program.arena_bytes == parts.arena_bytes);
}

void CheckTruncation() {
  const FileBytes file = SampleFile();
  for (std::size_t length = 0; length < file.size(); ++length) {
    const FileBytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    SLUICE_CHECK(Parse(cut).code == StatusCode::kProgramInvalid);
  }
  FileBytes longer = file;
  longer.push_back(0);
  SLUICE_CHECK(Parse(longer).code == StatusCode::kProgramInvalid);
}

// Every bit of the file flipped: a checksum must notice.
void CheckBitFlips() {
  FileBytes file = SampleFile();
  std::uint32_t accepted = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    const std::uint8_t mask = static_cast<std::uint8_t>(1u << bit % 8);
    file[bit / 8] ^= mask;
    if (Parse(file).code != StatusCode::kProgramInvalid) ++accepted;
    file[bit / 8] ^= mask;
  }
  SLUICE_CHECK(accepted == 0);
  SLUICE_CHECK(Parse(file).ok());
}

// A field of the header broken, and its checksums right.
void CheckHeader() {
  const auto refused = [](std::size_t at, std::uint8_t value, std::string_view reason) {
    FileBytes file = SampleFile();
    file[at] = value;
    FixChecksums(&file);
    const sluice::Status status = Parse(file);
    return status.code == StatusCode::kProgramInvalid &&
           status.reason.find(reason) != std::string::npos;
  };
  SLUICE_CHECK(refused(0, 's', "not an NPU program"));
  SLUICE_CHECK(refused(8, 1, "format version 1, 2 expected"));
  SLUICE_CHECK(refused(12, 64, "another size or a reserved byte"));
  SLUICE_CHECK(refused(80, 1, "another size or a reserved byte"));
  SLUICE_CHECK(refused(123, 1, "another size or a reserved byte"));
  SLUICE_CHECK(refused(48, 0, "instructions, 1 to"));
  SLUICE_CHECK(refused(48, 14, "the header announces others"));
  SLUICE_CHECK(refused(51, 1, "instructions, 1 to"));
  SLUICE_CHECK(refused(63, 1, "the header announces others"));
}

// Between the 15 instructions and the weights are 32 bytes of padding.
void CheckPadding() {
  constexpr std::size_t kPadding = 128 + 15 * isa::kInstructionBytes;
  static_assert(kPadding % 64 == 32, "there is padding");
  FileBytes file = SampleFile();
  SLUICE_CHECK(file[kPadding] == 0 && file[kPadding + 31] == 0);
  file[kPadding + 31] = 1;
  const sluice::Status status = Parse(file);
  SLUICE_CHECK(status.reason.find("padding") != std::string::npos);
}

void CheckSizes() {
  for (const std::uint32_t bytes : {0u, 8u, 40u, 64u * 1024 * 1024 + 16, 0xfffffff0u}) {
    ProgramParts input = MakeSample(CiHardware());
    input.input_bytes = bytes;
    SLUICE_CHECK(RefusedFor(input, "an input of"));
    ProgramParts output = MakeSample(CiHardware());
    output.output_bytes = bytes;
    SLUICE_CHECK(RefusedFor(output, "an output of"));
  }
  for (const std::uint32_t bytes : {8u, 256u * 1024 * 1024 + 16, 0xfffffff0u}) {
    ProgramParts arena = MakeSample(CiHardware());
    arena.arena_bytes = bytes;
    SLUICE_CHECK(RefusedFor(arena, "an arena of"));
  }
  ProgramParts none = MakeSample(CiHardware());
  none.arena_bytes = 0;
  SLUICE_CHECK(RefusedFor(none, "STORE to outside its region"));
  ProgramParts empty = MakeSample(CiHardware());
  empty.instructions.clear();
  SLUICE_CHECK(RefusedFor(empty, "0 instructions"));
  ProgramParts endless = MakeSample(CiHardware());
  endless.instructions.insert(endless.instructions.begin(), isa::kInstructionsMax - 15,
                              endless.instructions.front());
  SLUICE_CHECK(Accepted(endless));
  endless.instructions.insert(endless.instructions.begin(), endless.instructions.front());
  SLUICE_CHECK(RefusedFor(endless, "65537 instructions"));
  ProgramParts ragged = MakeSample(CiHardware());
  ragged.weights.resize(ragged.weights.size() + 8);
  SLUICE_CHECK(RefusedFor(ragged, "a multiple of 16"));
}

void CheckOtherHardware() {
  const Hardware other = sluice::HardwareOf<sluice::configurations::Kv260M>();
  const FileBytes file = EncodeProgram(MakeSample(other), other);
  SLUICE_CHECK(Parse(file).code == StatusCode::kProgramHardwareMismatch);
  SLUICE_CHECK(Parse(file, other).ok());
}

void CheckStop() {
  Program program;
  SLUICE_CHECK(
      sluice::ParseProgram(SampleFile(), CiHardware(), std::atomic<bool>(true), &program).code ==
      StatusCode::kCancelled);
  SLUICE_CHECK(program.instructions.empty());
}

}  // namespace

int main() {
#define SLUICE_CHECK_GOOD(Configuration) CheckGoodProgram(sluice::HardwareOf<Configuration>());
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_CHECK_GOOD)
  CheckTruncation();
  CheckBitFlips();
  CheckHeader();
  CheckPadding();
  CheckSizes();
  CheckOtherHardware();
  CheckStop();
  return Finish();
}
