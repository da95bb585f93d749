// The loader and the simulator on good, damaged and hostile program files.
#include "native/core/program.hpp"

#include <atomic>
#include <memory>
#include <utility>

#include "hls/config/generated/configurations.hpp"
#include "hls/testing.hpp"
#include "native/core/limits.hpp"
#include "native/devices/simulator/simulator.hpp"
#include "native/tests/program_builder.hpp"

namespace {

using sluice::Hardware;
using sluice::Program;
using sluice::Status;
using sluice::StatusCode;
using sluice::testing::FileBytes;
using sluice::testing::ProgramParts;
using sluice::testing::Random;
using sluice::testing::RandomGemm;
namespace isa = sluice::isa;
namespace testing = sluice::testing;

const Hardware& CiHardware() {
  static const Hardware hardware = sluice::HardwareOf<sluice::configurations::Ci>();
  return hardware;
}

RandomGemm SmallGemm() {
  Random random(17);
  return testing::MakeRandomGemm(1, 32, 32, random);
}

StatusCode Parse(const FileBytes& file) {
  Program program;
  return sluice::ParseProgram(file, CiHardware(), std::atomic<bool>(false), &program).code;
}

// What a device says to a file: the loader's refusal, or how the run ended.
StatusCode ParseAndRun(sluice::Device& device, const FileBytes& file, FileBytes* output) {
  Program program;
  Status status = sluice::ParseProgram(file, device.hardware(), std::atomic<bool>(false), &program);
  if (!status.ok()) return status.code;
  std::shared_ptr<sluice::ResidentProgram> resident;
  status = device.Load(std::move(program), &resident);
  if (!status.ok()) return status.code;
  const FileBytes input(resident->program().input_bytes, 3);
  output->assign(resident->program().output_bytes, 0);
  sluice::Counters counters;
  return device.Run(*resident, input, *output, std::atomic<bool>(false), &counters).code;
}

std::unique_ptr<sluice::Device> OpenCi() {
  std::unique_ptr<sluice::Device> device;
  SLUICE_CHECK(sluice::OpenSimulator("ci", &device).ok());
  return device;
}

void CheckGoodProgram() {
  RandomGemm made = SmallGemm();
  const FileBytes file = testing::EncodeProgram(testing::MakeLayer(made), CiHardware());
  FileBytes output;
  SLUICE_CHECK(ParseAndRun(*OpenCi(), file, &output) == StatusCode::kOk);
  made.operands.activations.assign(made.operands.inputs, 3);
  const std::vector<std::int8_t> expected = sluice::reference::Gemm(made.operands);
  SLUICE_CHECK(std::equal(expected.begin(), expected.end(), output.begin(), output.end(),
                          [](std::int8_t left, std::uint8_t right) {
                            return static_cast<std::uint8_t>(left) == right;
                          }));
}

void CheckTruncation() {
  const FileBytes file = testing::EncodeProgram(testing::MakeLayer(SmallGemm()), CiHardware());
  for (std::size_t length = 0; length < file.size(); ++length) {
    const FileBytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    SLUICE_CHECK(Parse(cut) == StatusCode::kProgramInvalid);
  }
  FileBytes longer = file;
  longer.push_back(0);
  SLUICE_CHECK(Parse(longer) == StatusCode::kProgramInvalid);
}

// Every bit of the file flipped: a checksum must notice.
void CheckBitFlips() {
  FileBytes file = testing::EncodeProgram(testing::MakeLayer(SmallGemm()), CiHardware());
  std::uint32_t accepted = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    const std::uint8_t mask = static_cast<std::uint8_t>(1u << bit % 8);
    file[bit / 8] ^= mask;
    if (Parse(file) != StatusCode::kProgramInvalid) ++accepted;
    file[bit / 8] ^= mask;
  }
  SLUICE_CHECK(accepted == 0);
  SLUICE_CHECK(Parse(file) == StatusCode::kOk);
}

// Every bit flipped and the checksums mended: refused, or runs without a fault or a memory error.
void CheckMendedBitFlips() {
  const std::unique_ptr<sluice::Device> device = OpenCi();
  const FileBytes file = testing::EncodeProgram(testing::MakeLayer(SmallGemm()), CiHardware());
  std::uint32_t refused = 0;
  std::uint32_t unexpected = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    FileBytes damaged = file;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    testing::FixChecksums(&damaged);
    FileBytes output;
    const StatusCode code = ParseAndRun(*device, damaged, &output);
    if (code == StatusCode::kProgramInvalid || code == StatusCode::kProgramHardwareMismatch) {
      ++refused;
    } else if (code != StatusCode::kOk) {
      ++unexpected;
    }
  }
  SLUICE_CHECK(refused > 0);
  SLUICE_CHECK(unexpected == 0);
}

// Random instruction sections: whatever the loader lets through must run without a fault.
void CheckRandomInstructions() {
  const std::unique_ptr<sluice::Device> device = OpenCi();
  Random random(23);
  const ProgramParts good = testing::MakeLayer(SmallGemm());
  std::uint32_t unexpected = 0;
  for (int round = 0; round < 3000; ++round) {
    ProgramParts parts = good;
    for (int change = 0; change < 3; ++change) {
      const auto at = static_cast<std::size_t>(
          random.Between(0, static_cast<std::int64_t>(parts.instructions.size()) - 1));
      parts.instructions[at].word[random.Between(0, 3)] ^= std::uint64_t{1}
                                                           << random.Between(0, 63);
    }
    FileBytes output;
    const StatusCode code =
        ParseAndRun(*device, testing::EncodeProgram(parts, CiHardware()), &output);
    if (code != StatusCode::kOk && code != StatusCode::kProgramInvalid) ++unexpected;
  }
  SLUICE_CHECK(unexpected == 0);
}

void CheckRefused(std::size_t at, isa::Field field, std::int64_t value) {
  ProgramParts parts = testing::MakeLayer(SmallGemm());
  isa::Place(&parts.instructions[at], field, value);
  SLUICE_CHECK(Parse(testing::EncodeProgram(parts, CiHardware())) == StatusCode::kProgramInvalid);
}

// Each rule of hls/isa/README.md, broken alone.
void CheckTransferRules() {
  namespace header = isa::header;
  namespace transfer = isa::transfer;
  CheckRefused(testing::kLoadWeights, header::kOperation, 9);
  CheckRefused(testing::kLoadWeights, header::kUnit, 1);
  CheckRefused(testing::kLoadWeights, header::kLast, 1);
  CheckRefused(testing::kFinishProgram, header::kLast, 0);
  CheckRefused(testing::kLoadWeights, isa::Field{0, 40, 1}, 1);
  CheckRefused(testing::kFinishProgram, isa::Field{2, 0, 1}, 1);
  CheckRefused(testing::kLoadInput, header::kPushNext, 0);
  CheckRefused(testing::kSpill, header::kPopPrevious, 0);
  CheckRefused(testing::kLoadInput, header::kPopPrevious, 1);
  CheckRefused(testing::kStoreOutput, header::kPushNext, 1);
  CheckRefused(testing::kLoadWeights, transfer::kMemory, 3);
  CheckRefused(testing::kLoadWeights, transfer::kRegion, 4);
  CheckRefused(testing::kLoadWeights, transfer::kRegion, 1);
  CheckRefused(testing::kReload, transfer::kRegion, 2);
  CheckRefused(testing::kLoadWeights, transfer::kRowBeats, 15);
  CheckRefused(testing::kLoadWeights, transfer::kRows, 0);
  CheckRefused(testing::kLoadWeights, transfer::kDramOffset, 0xffffffff);
  CheckRefused(testing::kLoadWeights, transfer::kSramAddress, 125);
  CheckRefused(testing::kLoadInput, transfer::kRows, 2);
  // There are weights at that offset, and weights are no channel records.
  CheckRefused(testing::kLoadRecords, transfer::kDramOffset, 10);
  CheckRefused(testing::kSpill, transfer::kMemory, 1);
  CheckRefused(testing::kSpill, transfer::kRegion, 0);
  CheckRefused(testing::kSpill, transfer::kSramAddress, 5);
  CheckRefused(testing::kReload, transfer::kDramOffset, 1);
  CheckRefused(testing::kStoreOutput, transfer::kRegion, 3);
  CheckRefused(testing::kStoreOutput, transfer::kRowBeats, 1);
  CheckRefused(testing::kStoreOutput, transfer::kRows, 2);
}

void CheckGemmRules() {
  namespace gemm = isa::gemm;
  CheckRefused(testing::kMultiply, gemm::kRows, 0);
  CheckRefused(testing::kMultiply, gemm::kInputBlocks, 0);
  CheckRefused(testing::kMultiply, gemm::kOutputBlocks, 0);
  CheckRefused(testing::kMultiply, gemm::kActivationAddress, 1023);
  CheckRefused(testing::kMultiply, gemm::kOutputAddress, 1023);
  CheckRefused(testing::kMultiply, gemm::kOutputAddress, 1);
  CheckRefused(testing::kMultiply, gemm::kActivationAddress, 100);
  CheckRefused(testing::kMultiply, gemm::kWeightAddress, 1);
  CheckRefused(testing::kMultiply, gemm::kWeightAddress, 125);
  CheckRefused(testing::kMultiply, gemm::kParameterAddress, 1);
  CheckRefused(testing::kMultiply, gemm::kParameterAddress, 100);
  CheckRefused(testing::kMultiply, gemm::kMinimum, 127);
}

void CheckRecordRules() {
  const std::size_t records = 32 * 32;
  const std::pair<std::size_t, std::uint8_t> damages[] = {{7, 1}, {8, 0}, {8, 64}, {9, 1}, {15, 1}};
  for (const auto& [offset, value] : damages) {
    ProgramParts parts = testing::MakeLayer(SmallGemm());
    parts.weights[records + offset] = value;
    SLUICE_CHECK(Parse(testing::EncodeProgram(parts, CiHardware())) == StatusCode::kProgramInvalid);
  }
}

void CheckSizeRules() {
  const auto refused = [](const ProgramParts& parts) {
    return Parse(testing::EncodeProgram(parts, CiHardware())) == StatusCode::kProgramInvalid;
  };
  for (const std::uint32_t bytes : {0u, 8u, 33u, 0xfffffff0u}) {
    ProgramParts input = testing::MakeLayer(SmallGemm());
    input.input_bytes = bytes;
    SLUICE_CHECK(refused(input));
    ProgramParts output = testing::MakeLayer(SmallGemm());
    output.output_bytes = bytes;
    SLUICE_CHECK(refused(output));
    ProgramParts arena = testing::MakeLayer(SmallGemm());
    arena.arena_bytes = bytes;
    SLUICE_CHECK(refused(arena));
  }
  ProgramParts empty = testing::MakeLayer(SmallGemm());
  empty.instructions.clear();
  SLUICE_CHECK(refused(empty));
  ProgramParts endless = testing::MakeLayer(SmallGemm());
  endless.instructions.insert(endless.instructions.begin(), isa::kInstructionsMax,
                              endless.instructions.front());
  SLUICE_CHECK(refused(endless));
  ProgramParts ragged = testing::MakeLayer(SmallGemm());
  ragged.weights.push_back(0);
  SLUICE_CHECK(refused(ragged));
}

void CheckTokenQueueDepth() {
  const auto with_pushes = [](std::uint32_t count) {
    ProgramParts parts = testing::MakeLayer(SmallGemm());
    isa::InstructionWords push = parts.instructions[testing::kLoadWeights];
    isa::Place(&push, isa::header::kPushNext, 1);
    isa::InstructionWords pop = parts.instructions[testing::kMultiply];
    isa::Place(&pop, isa::header::kPushNext, 0);
    parts.instructions.insert(parts.instructions.begin() + testing::kMultiply, count, pop);
    parts.instructions.insert(parts.instructions.begin() + testing::kLoadInput, count, push);
    return Parse(testing::EncodeProgram(parts, CiHardware()));
  };
  SLUICE_CHECK(with_pushes(isa::kTokenQueueDepth - 1) == StatusCode::kOk);
  SLUICE_CHECK(with_pushes(isa::kTokenQueueDepth) == StatusCode::kProgramInvalid);
}

void CheckOtherHardware() {
  const Hardware other = sluice::HardwareOf<sluice::configurations::Kv260M>();
  const FileBytes file = testing::EncodeProgram(testing::MakeLayer(SmallGemm()), other);
  SLUICE_CHECK(Parse(file) == StatusCode::kProgramHardwareMismatch);
}

void CheckStop() {
  const FileBytes file = testing::EncodeProgram(testing::MakeLayer(SmallGemm()), CiHardware());
  Program program;
  SLUICE_CHECK(sluice::ParseProgram(file, CiHardware(), std::atomic<bool>(true), &program).code ==
               StatusCode::kCancelled);
  SLUICE_CHECK(program.instructions.empty());
}

}  // namespace

int main() {
  CheckGoodProgram();
  CheckTruncation();
  CheckBitFlips();
  CheckMendedBitFlips();
  CheckRandomInstructions();
  CheckTransferRules();
  CheckGemmRules();
  CheckRecordRules();
  CheckSizeRules();
  CheckTokenQueueDepth();
  CheckOtherHardware();
  CheckStop();
  return testing::Finish();
}
