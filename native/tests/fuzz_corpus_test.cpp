// What fuzzing found worth keeping (fuzz/corpus), and damage that its mutation does, without
// libFuzzer: the loader refuses each program, or the simulator runs it to its end.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "native/fuzz/hostile_program.hpp"
#include "native/fuzz/mutation.hpp"
#include "native/tests/program_builder.hpp"

namespace {

using sluice::fuzz::Outcome;
using sluice::fuzz::TryProgram;
using sluice::fuzz::Verdict;
using sluice::testing::FileBytes;

using Counts = std::map<Outcome, int>;

void Try(const FileBytes& file, const std::string& name, Counts* counts) {
  const Verdict verdict = TryProgram(file);
  ++(*counts)[verdict.outcome];
  if (verdict.outcome == Outcome::kFailed) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), verdict.reason.c_str());
  }
}

void CheckCorpus() {
  Counts counts;
  for (const auto& entry : std::filesystem::directory_iterator(SLUICE_FUZZ_CORPUS)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    const FileBytes file{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    Try(file, entry.path().filename().string(), &counts);
  }
  SLUICE_CHECK(counts[Outcome::kFailed] == 0);
  SLUICE_CHECK(counts[Outcome::kRefused] > 0);
  SLUICE_CHECK(counts[Outcome::kRan] > 0);
}

// The sample of every configuration runs, and so does what a few mutations leave right.
void CheckMutations() {
  sluice::testing::Random random(29);
  Counts counts;
  for (const sluice::Hardware& hardware : sluice::fuzz::AllHardware()) {
    const FileBytes sample =
        sluice::testing::EncodeProgram(sluice::testing::MakeSample(hardware), hardware);
    SLUICE_CHECK(TryProgram(sample).outcome == Outcome::kRan);
    for (int round = 0; round < 400; ++round) {
      FileBytes file = sample;
      for (int change = 0; change <= round % 3; ++change) {
        SLUICE_CHECK(sluice::fuzz::MutateInstructions(&file, &random));
      }
      sluice::fuzz::Mend(&file);
      Try(file, hardware.configuration + " round " + std::to_string(round), &counts);
    }
  }
  SLUICE_CHECK(counts[Outcome::kFailed] == 0);
  SLUICE_CHECK(counts[Outcome::kRefused] > 500);
  SLUICE_CHECK(counts[Outcome::kRan] > 100);
}

// Any bit flipped and the checksums mended.
void CheckBitFlips() {
  const sluice::Hardware& hardware = sluice::fuzz::AllHardware().front();
  const FileBytes sample =
      sluice::testing::EncodeProgram(sluice::testing::MakeSample(hardware), hardware);
  Counts counts;
  constexpr std::size_t kInstructionsEnd = 128 + 15 * 32;
  for (std::size_t bit = 0; bit < kInstructionsEnd * 8; ++bit) {
    FileBytes file = sample;
    file[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    sluice::testing::FixChecksums(&file);
    Try(file, "bit " + std::to_string(bit), &counts);
  }
  SLUICE_CHECK(counts[Outcome::kFailed] == 0);
  SLUICE_CHECK(counts[Outcome::kRefused] > 1000);
  SLUICE_CHECK(counts[Outcome::kRan] > 100);
}

}  // namespace

int main() {
  CheckCorpus();
  CheckMutations();
  CheckBitFlips();
  return sluice::testing::Finish();
}
