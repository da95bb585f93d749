// Random instructions of every kind on every configuration against the naive reference, in memories
// full of random numbers, and the clocks against the specification's formula.
#include <cstdlib>
#include <memory>

#include "hls/config/generated/configurations.hpp"
#include "hls/execute/execute.hpp"
#include "hls/execute/reference.hpp"
#include "hls/npu/random_program.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::Scratchpads;
using sluice::testing::Random;
namespace isa = sluice::isa;
namespace reference = sluice::reference;

// What the random instructions have covered.
struct Coverage {
  unsigned dense = 0;
  unsigned depthwise = 0;
  unsigned pool = 0;
  unsigned enlarging = 0;
  unsigned add = 0;
  unsigned multiply = 0;
  unsigned broadcast = 0;
  unsigned table = 0;
  unsigned conflicts = 0;
  unsigned padded = 0;
  unsigned drain_bound = 0;
};

template <class Configuration>
sluice::LaneWords<Configuration::kInputParallel> RandomLanes(Random& random, std::int64_t least) {
  std::int8_t lanes[Configuration::kInputParallel];
  for (std::int8_t& lane : lanes) lane = static_cast<std::int8_t>(random.Between(least, 127));
  return sluice::PackLanes(lanes);
}

template <class Configuration>
void FillRandom(Random& random, Scratchpads<Configuration>& memories) {
  for (auto& bank : memories.activation) {
    for (auto& word : bank) {
      word = RandomLanes<Configuration>(random, -128);
    }
  }
  for (auto& row : memories.weight) {
    for (auto& weights : row) weights = RandomLanes<Configuration>(random, isa::kWeightMin);
  }
  for (auto& block : memories.parameter) {
    for (sluice::PackedRecord& record : block) {
      const auto bias = static_cast<std::int32_t>(random.Between(-50000, 50000));
      const auto multiplier = static_cast<std::uint32_t>(random.Between(0, (1 << 24) - 1));
      const auto shift = static_cast<std::uint32_t>(random.Between(28, 38));
      record = sluice::PackRecord(bias, multiplier, shift);
    }
  }
  for (std::uint32_t word = 0; word < Scratchpads<Configuration>::kTableWords; ++word) {
    const std::int64_t bits = random.Between(8, 31);
    const std::int64_t most = (std::int64_t{1} << bits) - 1;
    const std::int32_t entry = static_cast<std::int32_t>(random.Between(-most - 1, most));
    for (auto& copy : memories.table) copy[word] = entry;
  }
}

template <class Fields>
void CoverWindow(const Fields& fields, std::uint32_t clocks_a_step, Coverage& coverage) {
  coverage.table += fields.table != 0;
  coverage.conflicts += clocks_a_step > 1;
  coverage.padded += fields.pad_top != 0 || fields.pad_left != 0;
}

template <class Configuration>
isa::Walk Cover(const isa::InstructionWords& words, Coverage& coverage) {
  switch (static_cast<isa::Operation>(isa::DecodeHeader(words).operation)) {
    case isa::Operation::kConvolve: {
      const isa::Convolution fields = isa::DecodeConvolution(words);
      const isa::Walk walk = isa::WalkOf<Configuration>(fields);
      CoverWindow(fields, walk.clocks_a_step, coverage);
      ++(fields.depthwise != 0 ? coverage.depthwise : coverage.dense);
      return walk;
    }
    case isa::Operation::kPool: {
      const isa::Pool fields = isa::DecodePool(words);
      const isa::Walk walk = isa::WalkOf<Configuration>(fields);
      CoverWindow(fields, walk.clocks_a_step, coverage);
      coverage.enlarging += fields.upsample_columns > 1 || fields.upsample_rows > 1;
      ++coverage.pool;
      return walk;
    }
    case isa::Operation::kAdd: {
      const isa::Addition fields = isa::DecodeAddition(words);
      coverage.broadcast += fields.broadcast;
      ++coverage.add;
      return isa::WalkOf<Configuration>(fields);
    }
    default: {
      const isa::Multiplication fields = isa::DecodeMultiplication(words);
      coverage.broadcast += fields.broadcast;
      ++coverage.multiply;
      return isa::WalkOf<Configuration>(fields);
    }
  }
}

bool IsExecute(const isa::InstructionWords& words) {
  isa::Unit unit = isa::Unit::kLoad;
  return isa::UnitOf(isa::DecodeHeader(words).operation, unit) && unit == isa::Unit::kExecute;
}

// Every EXECUTE instruction of one random program, on memories that are random instead of loaded.
template <class Configuration>
void TestProgram(std::uint64_t seed, Scratchpads<Configuration>& memories, Coverage& coverage) {
  const sluice::testing::RandomProgram program =
      sluice::testing::MakeRandomProgram(sluice::testing::ProgramSizesOf<Configuration>(), seed);
  reference::Memories expected = reference::CopyMemories(memories);
  for (const isa::InstructionWords& words : program.instructions) {
    if (!IsExecute(words)) continue;
    const isa::Walk walk = Cover<Configuration>(words, coverage);
    sluice::NoService alone;
    const sluice::ExecuteCounts counts = sluice::Execute<Configuration>(words, memories, alone);
    reference::Execute(expected, words);
    SLUICE_CHECK(counts.clocks == isa::ExecuteClocks<Configuration>(walk));
    SLUICE_CHECK(counts.multiply_accumulates == walk.tiles * walk.steps * walk.products_a_step);
    coverage.drain_bound += walk.steps * walk.clocks_a_step < isa::DrainClocks<Configuration>();
  }
  const bool same = reference::SameMemories(expected, reference::CopyMemories(memories));
  if (!same) {
    std::fprintf(stderr, "%u x %u: seed %llu\n", Configuration::kInputParallel,
                 Configuration::kPixelParallel, static_cast<unsigned long long>(seed));
  }
  SLUICE_CHECK(same);
}

template <class Configuration>
void TestConfiguration(std::uint64_t programs, Coverage& coverage) {
  const auto memories = std::make_unique<Scratchpads<Configuration>>();
  Random random(7);
  FillRandom<Configuration>(random, *memories);
  for (std::uint64_t seed = 0; seed < programs; ++seed) {
    TestProgram<Configuration>(seed, *memories, coverage);
  }
}

}  // namespace

// An argument gives another number of programs for the small configurations.
int main(int count, char** arguments) {
  const std::uint64_t programs = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 30;
  Coverage coverage;
  TestConfiguration<sluice::configurations::Ci>(programs, coverage);
  TestConfiguration<sluice::configurations::Zynq7020>(programs, coverage);
  TestConfiguration<sluice::configurations::Kv260M>(programs / 3, coverage);
  TestConfiguration<sluice::configurations::Kv260L>(programs / 3, coverage);
  TestConfiguration<sluice::configurations::U50>(programs / 3, coverage);
  SLUICE_CHECK(coverage.dense > 0 && coverage.depthwise > 0);
  SLUICE_CHECK(coverage.pool > 0 && coverage.enlarging > 0);
  SLUICE_CHECK(coverage.add > 0 && coverage.multiply > 0 && coverage.broadcast > 0);
  SLUICE_CHECK(coverage.table > 0 && coverage.padded > 0);
  SLUICE_CHECK(coverage.conflicts > 0 && coverage.drain_bound > 0);
  return sluice::testing::Finish();
}
