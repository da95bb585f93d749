// Instructions that are large enough to be shared among threads: as many threads as one likes give
// the bits of the naive evaluation.
#include <cstdint>
#include <vector>

#include "hls/config/generated/kv260-m.hpp"
#include "hls/isa/generated/assemble.hpp"
#include "hls/testing.hpp"
#include "native/tests/naive_npu.hpp"
#include "native/tests/simulator_runs.hpp"

namespace sluice {
namespace {

using Configuration = configurations::Kv260M;
constexpr std::uint32_t kWidth = Configuration::kInputParallel;
// A tensor of the size that ADD shares; one output block of a 2 x 2 kernel is enough for CONVOLVE.
constexpr std::uint32_t kSize = 47;
constexpr std::uint32_t kBlocks = 4;
constexpr std::uint32_t kRowLines = 12;
constexpr std::uint32_t kBlockLines = kRowLines * kSize;
constexpr std::uint32_t kOutputAddress = kBlocks * kBlockLines;
constexpr std::uint32_t kTiles = 4 * kBlocks;
constexpr std::uint32_t kRecordOffset = kTiles * kWidth;
constexpr std::uint32_t kTableOffset = kRecordOffset + kBlocks * 8;
static_assert(kRowLines * Configuration::kPixelParallel >= kSize);

isa::Transfer Tensor(isa::Region region, std::uint32_t address) {
  isa::Transfer f{};
  f.region = static_cast<std::uint32_t>(region);
  f.address = address;
  f.columns = f.rows = kSize;
  f.blocks = kBlocks;
  f.dram_row_pitch = kSize;
  f.dram_block_pitch = kSize * kSize;
  f.row_pitch = kRowLines;
  f.block_pitch = kBlockLines;
  return f;
}

isa::Transfer Items(isa::Memory memory, std::uint32_t offset, std::uint32_t count) {
  isa::Transfer f{};
  f.memory = static_cast<std::uint32_t>(memory);
  f.dram_offset = offset;
  f.columns = f.blocks = 1;
  f.rows = count;
  return f;
}

template <class Window>
void PutWindow(std::uint32_t kernel, Window& f) {
  f.output_address = kOutputAddress;
  f.output_rows = f.output_columns = f.input_rows = f.input_columns = kSize;
  f.kernel_rows = f.kernel_columns = kernel;
  f.stride_rows = f.stride_columns = f.dilation_rows = f.dilation_columns = 1;
  f.pad_top = f.pad_left = 1;
  f.input_row_pitch = f.output_row_pitch = kRowLines;
  f.input_block_pitch = f.output_block_pitch = kBlockLines;
  f.pad_value = -3;
  f.minimum = -120;
  f.maximum = 125;
  f.table = 2;
}

template <class Operands>
void PutOperands(Operands& f) {
  f.output_address = kOutputAddress;
  f.rows = f.columns = kSize;
  f.blocks = kBlocks;
  f.first_row_pitch = f.second_row_pitch = f.output_row_pitch = kRowLines;
  f.first_block_pitch = f.second_block_pitch = f.output_block_pitch = kBlockLines;
  f.output_zero_point = 5;
  f.minimum = -128;
  f.maximum = 127;
}

isa::InstructionWords Convolve(bool depthwise) {
  isa::Convolution f{};
  PutWindow(depthwise ? 3 : 2, f);
  f.depthwise = depthwise ? 1 : 0;
  f.input_blocks = depthwise ? 1 : kBlocks;
  f.output_blocks = depthwise ? kBlocks : 1;
  return isa::AssembleConvolve(f);
}

isa::InstructionWords Pool() {
  isa::Pool f{};
  PutWindow(3, f);
  f.blocks = kBlocks;
  f.upsample_rows = f.upsample_columns = 1;
  return isa::AssemblePool(f);
}

isa::InstructionWords Add() {
  isa::Addition f{};
  PutOperands(f);
  f.shift = 24;
  f.window = 3;
  f.second_table = 1;
  return isa::AssembleAdd(f);
}

isa::InstructionWords Multiply(bool broadcast) {
  isa::Multiplication f{};
  PutOperands(f);
  f.multiplier = 11'000'000;
  f.shift = 31;
  f.broadcast = broadcast ? 1 : 0;
  return isa::AssembleMultiply(f);
}

// Loads everything, runs the instruction and stores its output; what it does not write stays 0.
Program ProgramOf(const isa::InstructionWords& instruction) {
  Program program;
  program.instructions = {isa::AssembleLoad(Items(isa::Memory::kWeight, 0, kTiles)),
                          isa::AssembleLoad(Items(isa::Memory::kParameter, kRecordOffset, kBlocks)),
                          isa::AssembleLoad(Items(isa::Memory::kTable, kTableOffset, 2)),
                          isa::AssembleLoad(Tensor(isa::Region::kInput, 0)),
                          instruction,
                          isa::AssembleStore(Tensor(isa::Region::kOutput, kOutputAddress)),
                          isa::AssembleFinish()};
  isa::Place(program.instructions[3], isa::header::kPushNext, 1);
  isa::Place(program.instructions[4], isa::header::kPopPrevious, 1);
  isa::Place(program.instructions[4], isa::header::kPushNext, 1);
  isa::Place(program.instructions[5], isa::header::kPopPrevious, 1);
  program.weights = testing::RandomBytes(kTableOffset * kWidth + 2 * isa::kTableBytes, 3);
  for (std::size_t i = 0; i < kTiles * kWidth * kWidth; ++i) {
    if (program.weights[i] == 128) program.weights[i] = 1;
  }
  for (std::size_t i = 0; i < kBlocks * kWidth; ++i) {
    // The bias of 16 bits, the multiplier as it is, the shift 35.
    std::uint8_t* record = program.weights.data() + kRecordOffset * kWidth + i * 8;
    record[2] = record[3] = 0;
    record[7] = 35;
  }
  program.input_bytes = program.output_bytes = kSize * kSize * kBlocks * kWidth;
  return program;
}

void TestInstruction(const isa::InstructionWords& instruction) {
  const Program program = ProgramOf(instruction);
  const std::vector<std::uint8_t> input = testing::RandomBytes(program.input_bytes, 4);
  testing::NaiveRegions regions{
      program.weights, input, std::vector<std::uint8_t>(program.output_bytes), {}};
  const Counters expected = testing::RunNaively<Configuration>(program.instructions, regions);
  for (const unsigned threads : {1u, 2u, 4u, 7u}) {
    const auto device =
        testing::OpenOrExit(Configuration::kName, SimulatorOptions{std::nullopt, threads, {}});
    for (int run = 0; run < 3; ++run) {
      const testing::Answer answer = testing::RunOn(*device, program, input);
      SLUICE_CHECK(answer.status.ok());
      SLUICE_CHECK(answer.output == regions.output);
      SLUICE_CHECK(testing::SameCounters(answer.counters, expected));
    }
  }
}

}  // namespace
}  // namespace sluice

int main() {
  sluice::TestInstruction(sluice::Convolve(false));
  sluice::TestInstruction(sluice::Convolve(true));
  sluice::TestInstruction(sluice::Pool());
  sluice::TestInstruction(sluice::Add());
  sluice::TestInstruction(sluice::Multiply(false));
  sluice::TestInstruction(sluice::Multiply(true));
  return sluice::testing::Finish();
}
