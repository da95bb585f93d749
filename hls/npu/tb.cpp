// The kernel's top function: random programs against the naive references, and every fault.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "hls/execute/top.hpp"
#include "hls/npu/random_program.hpp"
#include "hls/npu/reference.hpp"
#include "hls/npu/top.hpp"
#include "hls/testing.hpp"
#include "hls/transfer/top.hpp"

namespace {

using sluice::Fault;
using sluice::NpuStatus;
using sluice::TopBeat;
using sluice::TopConfiguration;
using sluice::testing::MakeRandomProgram;
using sluice::testing::ProgramSizesOf;
using sluice::testing::RandomBytes;
using sluice::testing::RandomProgram;
namespace isa = sluice::isa;
namespace reference = sluice::reference;

// A program and the bytes of its regions.
struct Item {
  RandomProgram program;
  reference::Regions regions;
};

Item MakeItem(std::uint64_t seed) {
  Item item{MakeRandomProgram(ProgramSizesOf<TopConfiguration>(), seed), {}};
  item.regions.weights = item.program.weights;
  item.regions.input = RandomBytes(item.program.input_bytes, seed + 1);
  item.regions.output.resize(static_cast<std::size_t>(item.program.output_bytes));
  item.regions.arena.resize(static_cast<std::size_t>(item.program.arena_bytes));
  return item;
}

// One more than needed, so that an empty region has an address.
std::vector<TopBeat> BeatsOf(const reference::Bytes& bytes) {
  std::vector<TopBeat> beats(bytes.size() / sizeof(TopBeat) + 1);
  if (!bytes.empty()) std::memcpy(beats.data(), bytes.data(), bytes.size());
  return beats;
}

// Runs the kernel; output and arena are written back.
NpuStatus RunKernel(const std::vector<isa::InstructionWords>& instructions,
                    reference::Regions& regions) {
  const std::vector<TopBeat> weights = BeatsOf(regions.weights);
  const std::vector<TopBeat> input = BeatsOf(regions.input);
  std::vector<TopBeat> output = BeatsOf(regions.output);
  std::vector<TopBeat> arena = BeatsOf(regions.arena);
  NpuStatus status{};
  sluice_npu(instructions.data(), static_cast<std::uint32_t>(instructions.size()), weights.data(),
             weights.size() - 1, input.data(), input.size() - 1, output.data(), output.size() - 1,
             arena.data(), arena.size() - 1, &status);
  std::memcpy(regions.output.data(), output.data(), regions.output.size());
  if (!regions.arena.empty()) {
    std::memcpy(regions.arena.data(), arena.data(), regions.arena.size());
  }
  return status;
}

void TestRandomProgram(std::uint64_t seed) {
  Item item = MakeItem(seed);
  reference::Regions expected = item.regions;
  const reference::Counts counts =
      reference::RunProgram<TopConfiguration>(item.program.instructions, expected);
  const NpuStatus status = RunKernel(item.program.instructions, item.regions);
  SLUICE_CHECK(status.fault == static_cast<std::uint32_t>(Fault::kNone) && status.finished == 1);
  SLUICE_CHECK(status.instructions == item.program.instructions.size());
  SLUICE_CHECK(status.execute_cycles == counts.execute_cycles);
  SLUICE_CHECK(status.multiply_accumulates == counts.multiply_accumulates);
  SLUICE_CHECK(status.beats_loaded == counts.beats_loaded);
  SLUICE_CHECK(status.beats_stored == counts.beats_stored);
  const bool same = item.regions.output == expected.output && item.regions.arena == expected.arena;
  if (!same) std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(seed));
  SLUICE_CHECK(same);
}

// The same program instruction by instruction on the units' own tops.
void TestUnitTops(std::uint64_t seed) {
  Item item = MakeItem(seed);
  const auto memories = std::make_unique<sluice::TopScratchpads>();
  const std::vector<TopBeat> weights = BeatsOf(item.regions.weights);
  const std::vector<TopBeat> input = BeatsOf(item.regions.input);
  std::vector<TopBeat> output = BeatsOf(item.regions.output);
  std::vector<TopBeat> arena = BeatsOf(item.regions.arena);
  std::uint64_t execute_cycles = 0;
  for (const isa::InstructionWords& words : item.program.instructions) {
    isa::Unit unit = isa::Unit::kLoad;
    SLUICE_CHECK(isa::UnitOf(isa::DecodeHeader(words).operation, unit));
    sluice::ExecuteCounts counts{};
    if (&words == &item.program.instructions.back()) break;
    if (unit == isa::Unit::kLoad) {
      sluice_load(&words, weights.data(), input.data(), arena.data(), memories.get());
    } else if (unit == isa::Unit::kStore) {
      sluice_store(&words, memories.get(), output.data(), arena.data());
    } else {
      sluice_execute(&words, memories.get(), &counts);
    }
    execute_cycles += counts.clocks;
  }
  const reference::Counts expected =
      reference::RunProgram<TopConfiguration>(item.program.instructions, item.regions);
  SLUICE_CHECK(execute_cycles == expected.execute_cycles);
  SLUICE_CHECK(std::memcmp(output.data(), item.regions.output.data(), item.regions.output.size()) ==
               0);
}

// The first instruction of an operation, or the program's size.
std::size_t Find(const RandomProgram& program, isa::Operation operation) {
  std::size_t index = 0;
  while (index < program.instructions.size() &&
         isa::DecodeHeader(program.instructions[index]).operation !=
             static_cast<std::uint32_t>(operation)) {
    ++index;
  }
  return index;
}

struct Change {
  isa::Field field;
  std::int64_t value;
};

// Changes fields of the first instruction of an operation; the kernel must stop there.
void TestFault(isa::Operation operation, const std::vector<Change>& changes, Fault expected) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Item item = MakeItem(seed);
    const std::size_t index = Find(item.program, operation);
    if (index == item.program.instructions.size()) continue;
    for (const Change& change : changes) {
      isa::Place(item.program.instructions[index], change.field, change.value);
    }
    const NpuStatus status = RunKernel(item.program.instructions, item.regions);
    SLUICE_CHECK(status.fault == static_cast<std::uint32_t>(expected));
    SLUICE_CHECK(status.instruction == index && status.instructions == index);
    SLUICE_CHECK(status.finished == 0);
    return;
  }
  SLUICE_CHECK(false && "no program has such an instruction");
}

void TestTransferFaults() {
  using isa::Operation;
  namespace f = isa::transfer;
  const auto outside = [](Operation operation, const std::vector<Change>& changes) {
    TestFault(operation, changes, Fault::kAddress);
  };
  outside(Operation::kLoad, {{f::kDramOffset, 0xFFFFFFFF}});
  outside(Operation::kLoad, {{f::kRows, 0}});
  outside(Operation::kLoad, {{f::kRows, 3}, {f::kRowPitch, 511}, {f::kAddress, 16383}});
  outside(Operation::kLoad, {{f::kRegion, 2}});
  outside(Operation::kLoad, {{f::kRegion, 7}});
  outside(Operation::kLoad, {{f::kMemory, 7}});
  outside(Operation::kLoad, {{f::kMemory, 1}});
  outside(Operation::kStore, {{f::kBlocks, 3}, {f::kBlockPitch, 16383}});
  outside(Operation::kStore, {{f::kColumns, 16383}});
  outside(Operation::kStore, {{f::kBlocks, 0}});
  outside(Operation::kStore, {{f::kRegion, 1}});
  outside(Operation::kStore, {{f::kMemory, 1}});
}

void TestExecuteFaults() {
  using isa::Operation;
  const auto outside = [](Operation operation, const std::vector<Change>& changes) {
    TestFault(operation, changes, Fault::kAddress);
  };
  namespace c = isa::convolution;
  outside(Operation::kConvolve, {{c::kInputRows, 1023}, {c::kInputRowPitch, 511}});
  outside(Operation::kConvolve, {{c::kOutputRows, 1023}, {c::kOutputRowPitch, 511}});
  outside(Operation::kConvolve, {{c::kWeightAddress, 16383}, {c::kOutputBlocks, 2}});
  outside(Operation::kConvolve, {{c::kParameterAddress, 1023}});
  outside(Operation::kConvolve, {{c::kKernelRows, 0}});
  outside(Operation::kConvolve, {{c::kStrideColumns, 0}});
  outside(Operation::kConvolve, {{c::kOutputColumns, 0}});
  outside(Operation::kConvolve, {{c::kDepthwise, 1}, {c::kInputBlocks, 2}});
  outside(Operation::kConvolve, {{c::kTable, 7}});
  namespace p = isa::pool;
  outside(Operation::kPool, {{p::kUpsampleRows, 0}});
  outside(Operation::kPool, {{p::kUpsampleColumns, 2}, {p::kKernelColumns, 2}});
  outside(Operation::kPool,
          {{p::kUpsampleColumns, 2}, {p::kKernelColumns, 1}, {p::kStrideColumns, 2}});
  outside(Operation::kPool, {{p::kOutputRows, 1023}, {p::kOutputRowPitch, 511}});
  outside(Operation::kPool, {{p::kTable, 7}});
  namespace a = isa::addition;
  outside(Operation::kAdd, {{a::kFirstTable, 7}});
  outside(Operation::kAdd, {{a::kSecondTable, 7}});
  outside(Operation::kAdd, {{a::kBlocks, 3}, {a::kSecondBlockPitch, 16383}});
  namespace m = isa::multiplication;
  outside(Operation::kMultiply, {{m::kColumns, 0}});
  outside(Operation::kMultiply, {{m::kRows, 1023}, {m::kOutputRowPitch, 511}});
}

void TestTokenFaults() {
  namespace h = isa::header;
  TestFault(isa::Operation::kLoad, {{h::kPopPrevious, 1}}, Fault::kToken);
  TestFault(isa::Operation::kLoad, {{h::kPopNext, 1}}, Fault::kToken);
  TestFault(isa::Operation::kLoad, {{h::kPushPrevious, 1}}, Fault::kToken);
  TestFault(isa::Operation::kStore, {{h::kPushNext, 1}}, Fault::kToken);
  TestFault(isa::Operation::kFinish, {{h::kPushPrevious, 1}}, Fault::kToken);
  TestFault(isa::Operation::kLoad, {{h::kOperation, 30}}, Fault::kOperation);
}

void TestUnfinished() {
  Item item = MakeItem(5);
  item.program.instructions.pop_back();
  const NpuStatus status = RunKernel(item.program.instructions, item.regions);
  SLUICE_CHECK(status.fault == static_cast<std::uint32_t>(Fault::kUnfinished));
  SLUICE_CHECK(status.finished == 0);
  SLUICE_CHECK(status.instructions == item.program.instructions.size());
}

}  // namespace

// An argument gives another number of programs.
int main(int count, char** arguments) {
  const std::uint64_t programs = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 20;
  for (std::uint64_t seed = 0; seed < programs; ++seed) TestRandomProgram(seed);
  for (std::uint64_t seed = 0; seed < 5; ++seed) TestUnitTops(seed);
  TestTransferFaults();
  TestExecuteFaults();
  TestTokenFaults();
  TestUnfinished();
  return sluice::testing::Finish();
}
