// The kernel's top function: a whole program against the naive reference, and every fault.
#include <cstring>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/gemm/random_operands.hpp"
#include "hls/isa/assemble.hpp"
#include "hls/npu/top.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::Beat;
using sluice::Fault;
using sluice::NpuStatus;
using sluice::testing::Random;
using sluice::testing::RandomGemm;
namespace isa = sluice::isa;
using Configuration = sluice::configurations::SLUICE_CONFIGURATION;

constexpr std::uint32_t kInputBlocks = 3;
constexpr std::uint32_t kOutputBlocks = 2;
constexpr std::uint32_t kRows = 5;
constexpr std::uint32_t kBlock = Configuration::kBlock;
constexpr std::uint32_t kTiles = kInputBlocks * kOutputBlocks;

struct Bench {
  std::vector<isa::InstructionWords> program;
  std::vector<Beat> weights;
  std::vector<Beat> input;
  std::vector<Beat> output;
};

std::uint32_t Code(isa::Memory memory) { return static_cast<std::uint32_t>(memory); }
std::uint32_t Code(isa::Region region) { return static_cast<std::uint32_t>(region); }

isa::Transfer Block(isa::Region region, std::uint32_t offset, isa::Memory memory,
                    std::uint32_t address, std::uint32_t beats) {
  return isa::Transfer{offset, Code(region), Code(memory), address, 1, beats, 0, 0};
}

std::vector<isa::InstructionWords> MakeProgram(const RandomGemm& made) {
  using isa::Memory;
  using isa::Operation;
  using isa::Region;
  const std::uint32_t output_address = kRows * kInputBlocks;
  std::vector<isa::InstructionWords> program;
  program.push_back(isa::AssembleTransfer(
      Operation::kLoad, Block(Region::kWeights, 0, Memory::kWeight, 1, kTiles * kBlock)));
  program.push_back(isa::AssembleTransfer(
      Operation::kLoad,
      Block(Region::kWeights, kTiles * kBlock, Memory::kParameter, 2, kOutputBlocks * kBlock)));
  program.push_back(isa::AssembleTransfer(
      Operation::kLoad, Block(Region::kInput, 0, Memory::kActivation, 0, kRows * kInputBlocks)));
  isa::Place(&program.back(), isa::header::kPushNext, 1);
  isa::Gemm gemm{0,
                 1,
                 2,
                 output_address,
                 kRows,
                 kInputBlocks,
                 kOutputBlocks,
                 kInputBlocks,
                 kOutputBlocks,
                 made.operands.zero_point,
                 made.operands.minimum,
                 made.operands.maximum};
  program.push_back(isa::AssembleGemm(gemm));
  isa::Place(&program.back(), isa::header::kPopPrevious, 1);
  isa::Place(&program.back(), isa::header::kPushNext, 1);
  program.push_back(isa::AssembleTransfer(
      Operation::kStore,
      Block(Region::kOutput, 0, Memory::kActivation, output_address, kRows * kOutputBlocks)));
  isa::Place(&program.back(), isa::header::kPopPrevious, 1);
  program.push_back(isa::AssembleFinish());
  return program;
}

Beat RecordBeat(const sluice::ChannelRecord& record) {
  Beat beat{};
  for (std::uint32_t byte = 0; byte < 4; ++byte) {
    beat.byte[byte] =
        static_cast<std::uint8_t>(static_cast<std::uint32_t>(record.bias) >> 8 * byte);
    beat.byte[4 + byte] = static_cast<std::uint8_t>(record.multiplier >> 8 * byte);
  }
  beat.byte[8] = static_cast<std::uint8_t>(record.shift);
  return beat;
}

Bench MakeBench(const RandomGemm& made) {
  const auto& operands = made.operands;
  Bench bench;
  bench.program = MakeProgram(made);
  bench.weights.resize(kTiles * kBlock);
  for (std::uint32_t output = 0; output < operands.outputs; ++output) {
    for (std::uint32_t input = 0; input < operands.inputs; ++input) {
      const std::uint32_t tile = output / kBlock * kInputBlocks + input / kBlock;
      bench.weights[tile * kBlock + output % kBlock].byte[input % kBlock] =
          static_cast<std::uint8_t>(operands.weights[output * operands.inputs + input]);
    }
  }
  for (const auto& record : made.records) bench.weights.push_back(RecordBeat(record));
  bench.input.resize(kRows * kInputBlocks);
  std::memcpy(bench.input.data(), operands.activations.data(), operands.activations.size());
  bench.output.resize(kRows * kOutputBlocks);
  return bench;
}

NpuStatus Run(Bench* bench) {
  NpuStatus status{};
  std::vector<Beat> arena(1);
  sluice_npu(bench->program.data(), static_cast<std::uint32_t>(bench->program.size()),
             bench->weights.data(), bench->weights.size(), bench->input.data(), bench->input.size(),
             bench->output.data(), bench->output.size(), arena.data(), arena.size(), &status);
  return status;
}

void CheckAnswers() {
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    const RandomGemm made = sluice::testing::MakeRandomGemm(kRows, kInputBlocks * kBlock,
                                                            kOutputBlocks * kBlock, random);
    Bench bench = MakeBench(made);
    const NpuStatus status = Run(&bench);
    const std::vector<std::int8_t> expected = sluice::reference::Gemm(made.operands);
    SLUICE_CHECK(status.fault == static_cast<std::uint32_t>(Fault::kNone));
    SLUICE_CHECK(status.finished == 1 && status.instructions == bench.program.size());
    SLUICE_CHECK(status.multiply_accumulates ==
                 std::uint64_t{kRows} * made.operands.inputs * made.operands.outputs);
    SLUICE_CHECK(status.beats_loaded == bench.weights.size() + bench.input.size());
    SLUICE_CHECK(status.beats_stored == bench.output.size());
    SLUICE_CHECK(std::memcmp(bench.output.data(), expected.data(), expected.size()) == 0);
  }
}

// Changes one field of one instruction of a good program; the NPU must stop there with that fault.
void CheckFault(Fault fault, std::uint32_t at, isa::Field field, std::int64_t value) {
  Random random(5);
  const RandomGemm made =
      sluice::testing::MakeRandomGemm(kRows, kInputBlocks * kBlock, kOutputBlocks * kBlock, random);
  Bench bench = MakeBench(made);
  isa::Place(&bench.program[at], field, value);
  const NpuStatus status = Run(&bench);
  SLUICE_CHECK(status.fault == static_cast<std::uint32_t>(fault));
  SLUICE_CHECK(status.instruction == at);
}

void CheckFaults() {
  namespace header = isa::header;
  namespace transfer = isa::transfer;
  namespace gemm = isa::gemm;
  CheckFault(Fault::kOperation, 0, header::kOperation, 30);
  CheckFault(Fault::kOperation, 3, header::kUnit, 0);
  CheckFault(Fault::kToken, 0, header::kPopPrevious, 1);
  CheckFault(Fault::kToken, 0, header::kPopNext, 1);
  CheckFault(Fault::kToken, 0, header::kPushPrevious, 1);
  CheckFault(Fault::kToken, 3, header::kPopNext, 1);
  CheckFault(Fault::kToken, 4, header::kPushNext, 1);
  CheckFault(Fault::kToken, 5, header::kPushPrevious, 1);
  CheckFault(Fault::kToken, 5, header::kPopPrevious, 1);
  CheckFault(Fault::kAddress, 0, transfer::kDramOffset, 0xffffffff);
  CheckFault(Fault::kAddress, 0, transfer::kSramAddress, Configuration::kWeightTiles - kTiles + 1);
  CheckFault(Fault::kAddress, 0, transfer::kRowBeats, kTiles * kBlock - 1);
  CheckFault(Fault::kAddress, 0, transfer::kMemory, 7);
  CheckFault(Fault::kAddress, 2, transfer::kRegion, 2);
  CheckFault(Fault::kAddress, 2, transfer::kRegion, 6);
  CheckFault(Fault::kAddress, 2, transfer::kRows, 0);
  CheckFault(Fault::kAddress, 4, transfer::kRegion, 0);
  CheckFault(Fault::kAddress, 4, transfer::kMemory, 1);
  CheckFault(Fault::kAddress, 3, gemm::kActivationAddress, Configuration::kActivationWords - 1);
  CheckFault(Fault::kAddress, 3, gemm::kOutputAddress, Configuration::kActivationWords - 1);
  CheckFault(Fault::kAddress, 3, gemm::kWeightAddress, Configuration::kWeightTiles - kTiles + 1);
  CheckFault(Fault::kAddress, 3, gemm::kParameterAddress, Configuration::kParameterRecords - 1);
  CheckFault(Fault::kAddress, 3, gemm::kInputBlocks, 0);
}

void CheckUnfinished() {
  Random random(9);
  Bench bench = MakeBench(sluice::testing::MakeRandomGemm(kRows, kInputBlocks * kBlock,
                                                          kOutputBlocks * kBlock, random));
  bench.program.pop_back();
  SLUICE_CHECK(Run(&bench).fault == static_cast<std::uint32_t>(Fault::kUnfinished));
}

}  // namespace

int main() {
  CheckAnswers();
  CheckFaults();
  CheckUnfinished();
  return sluice::testing::Finish();
}
