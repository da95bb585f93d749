// The functional simulator and the C simulation against the naive evaluation of the specification,
// word for word and counter for counter: every configuration, every set of kernels that this
// processor has, one thread and several.
#include "native/devices/simulator/simulator.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/npu/random_program.hpp"
#include "hls/testing.hpp"
#include "native/devices/csim/csim.hpp"
#include "native/devices/simulator/kernels/kernels.hpp"
#include "native/tests/naive_npu.hpp"
#include "native/tests/simulator_runs.hpp"

namespace sluice {
namespace {

using testing::Answer;
using testing::NaiveRegions;
using testing::OpenOrExit;
using testing::ProgramOf;
using testing::RandomProgram;
using testing::RunOn;
using testing::SameCounters;

// Programs of each configuration; an argument of the test program multiplies them.
constexpr std::uint64_t kProgramsOfSmall = 60;
constexpr std::uint64_t kProgramsOfLarge = 12;

struct Expected {
  RandomProgram program;
  NaiveRegions regions;
  Counters counters;
};

template <class Configuration>
Expected Evaluate(const testing::ProgramSizes& sizes, std::uint64_t seed) {
  Expected expected{testing::MakeRandomProgram(sizes, seed), {}, {}};
  expected.regions.weights = expected.program.weights;
  expected.regions.input = testing::RandomBytes(expected.program.input_bytes, seed + 1);
  expected.regions.output.resize(expected.program.output_bytes);
  expected.regions.arena.resize(expected.program.arena_bytes);
  expected.counters =
      testing::RunNaively<Configuration>(expected.program.instructions, expected.regions);
  return expected;
}

bool Agrees(Device& device, const Expected& expected) {
  const Answer answer = RunOn(device, ProgramOf(expected.program), expected.regions.input);
  if (!answer.status.ok()) std::fprintf(stderr, "%s\n", answer.status.reason.c_str());
  return answer.status.ok() && answer.output == expected.regions.output &&
         SameCounters(answer.counters, expected.counters);
}

template <class Configuration>
void TestRandomPrograms(std::uint64_t factor) {
  const testing::ProgramSizes sizes = testing::ProgramSizesOf<Configuration>();
  struct Candidate {
    std::string name;
    std::unique_ptr<Device> device;
  };
  std::vector<Candidate> candidates;
  for (const simulator::KernelSet* kernels : simulator::UsableKernels()) {
    for (const unsigned threads : {1u, 4u}) {
      candidates.push_back(
          {std::string(Configuration::kName) + " " + kernels->name + " x" + std::to_string(threads),
           OpenOrExit(Configuration::kName,
                      SimulatorOptions{std::nullopt, threads, kernels->name})});
    }
  }
  std::unique_ptr<Device> csim;
  SLUICE_CHECK(OpenCsim(Configuration::kName, &csim).ok());
  candidates.push_back({std::string(Configuration::kName) + " csim", std::move(csim)});
  const bool small = Configuration::kActivationLines <= 1024;
  const std::uint64_t programs = factor * (small ? kProgramsOfSmall : kProgramsOfLarge);
  for (std::uint64_t seed = 1; seed <= programs; ++seed) {
    const Expected expected = Evaluate<Configuration>(sizes, seed);
    for (const Candidate& candidate : candidates) {
      const bool agrees = Agrees(*candidate.device, expected);
      if (!agrees) {
        std::fprintf(stderr, "%s: program %llu\n", candidate.name.c_str(),
                     static_cast<unsigned long long>(seed));
      }
      SLUICE_CHECK(agrees);
    }
  }
}

}  // namespace
}  // namespace sluice

int main(int count, char** arguments) {
  const std::uint64_t factor = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1;
#define SLUICE_TEST_CONFIGURATION(Configuration) sluice::TestRandomPrograms<Configuration>(factor);
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_TEST_CONFIGURATION)
#undef SLUICE_TEST_CONFIGURATION
  return sluice::testing::Finish();
}
