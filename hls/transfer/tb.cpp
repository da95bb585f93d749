// The LOADs and STOREs of random programs on every configuration against the naive reference, in
// memories and regions full of random bytes.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/npu/random_program.hpp"
#include "hls/testing.hpp"
#include "hls/transfer/load.hpp"
#include "hls/transfer/reference.hpp"
#include "hls/transfer/store.hpp"

namespace {

using sluice::Beat;
using sluice::Scratchpads;
using sluice::testing::RandomBytes;
namespace isa = sluice::isa;
namespace reference = sluice::reference;

// Instructions of each kind that have run.
struct Coverage {
  unsigned loads[4] = {0, 0, 0, 0};
  unsigned from_arena = 0;
  unsigned stores = 0;
};

template <class Configuration>
std::vector<Beat<Configuration>> BeatsOf(const reference::Bytes& bytes) {
  std::vector<Beat<Configuration>> beats(bytes.size() / sizeof(Beat<Configuration>) + 1);
  if (!bytes.empty()) std::memcpy(beats.data(), bytes.data(), bytes.size());
  return beats;
}

template <class Configuration>
reference::Bytes BytesOf(const std::vector<Beat<Configuration>>& beats, std::size_t size) {
  reference::Bytes bytes(size);
  if (size > 0) std::memcpy(bytes.data(), beats.data(), size);
  return bytes;
}

template <class Configuration>
void RunLoad(const isa::Transfer& fields, reference::Regions& regions,
             Scratchpads<Configuration>& memories, Coverage& coverage) {
  const auto weights = BeatsOf<Configuration>(regions.weights);
  const auto input = BeatsOf<Configuration>(regions.input);
  const auto arena = BeatsOf<Configuration>(regions.arena);
  sluice::Load<Configuration>(fields, weights.data(), input.data(), arena.data(), memories);
  ++coverage.loads[fields.memory];
  coverage.from_arena += fields.region == static_cast<std::uint32_t>(isa::Region::kArena);
}

template <class Configuration>
void RunStore(const isa::Transfer& fields, reference::Regions& regions,
              Scratchpads<Configuration>& memories, Coverage& coverage) {
  auto output = BeatsOf<Configuration>(regions.output);
  auto arena = BeatsOf<Configuration>(regions.arena);
  sluice::Store<Configuration>(fields, memories, output.data(), arena.data());
  regions.output = BytesOf<Configuration>(output, regions.output.size());
  regions.arena = BytesOf<Configuration>(arena, regions.arena.size());
  ++coverage.stores;
}

template <class Configuration>
void TestProgram(std::uint64_t seed, Scratchpads<Configuration>& memories, Coverage& coverage) {
  const sluice::testing::RandomProgram program =
      sluice::testing::MakeRandomProgram(sluice::testing::ProgramSizesOf<Configuration>(), seed);
  // Any bytes do for weights, reserved bits too.
  reference::Regions regions{
      RandomBytes(program.weights.size(), seed), RandomBytes(program.input_bytes, seed + 1),
      RandomBytes(program.output_bytes, seed + 2), RandomBytes(program.arena_bytes, seed + 3)};
  reference::Regions expected_regions = regions;
  reference::Memories expected = reference::CopyMemories(memories);
  for (const isa::InstructionWords& words : program.instructions) {
    const isa::Transfer fields = isa::DecodeTransfer(words);
    const auto operation = static_cast<isa::Operation>(isa::DecodeHeader(words).operation);
    if (operation == isa::Operation::kLoad) {
      RunLoad<Configuration>(fields, regions, memories, coverage);
      reference::Load(expected, fields, expected_regions);
    } else if (operation == isa::Operation::kStore) {
      RunStore<Configuration>(fields, regions, memories, coverage);
      reference::Store(expected, fields, expected_regions);
    }
  }
  SLUICE_CHECK(reference::SameMemories(expected, reference::CopyMemories(memories)));
  SLUICE_CHECK(reference::TableCopiesAgree(memories));
  SLUICE_CHECK(regions.output == expected_regions.output);
  SLUICE_CHECK(regions.arena == expected_regions.arena);
}

template <class Configuration>
void TestConfiguration(std::uint64_t programs) {
  Coverage coverage;
  const auto memories = std::make_unique<Scratchpads<Configuration>>();
  for (std::uint64_t seed = 0; seed < programs; ++seed) {
    TestProgram<Configuration>(seed, *memories, coverage);
  }
  for (const unsigned count : coverage.loads) SLUICE_CHECK(count > 0);
  SLUICE_CHECK(coverage.from_arena > 0 && coverage.stores > 0);
}

}  // namespace

// An argument gives another number of programs.
int main(int count, char** arguments) {
  const std::uint64_t programs = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 30;
  TestConfiguration<sluice::configurations::Ci>(programs);
  TestConfiguration<sluice::configurations::Zynq7020>(programs);
  TestConfiguration<sluice::configurations::Kv260M>(programs);
  TestConfiguration<sluice::configurations::Kv260L>(programs);
  TestConfiguration<sluice::configurations::U50>(programs);
  return sluice::testing::Finish();
}
