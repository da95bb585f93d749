// What the functional simulator does with programs that no loader has seen: a missing token shows
// as a wrong answer, waiting units as a fault, an address outside its memory as a fault; no program
// sees what another one left; a run stops when it is told to.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "hls/config/generated/ci.hpp"
#include "hls/isa/generated/assemble.hpp"
#include "hls/testing.hpp"
#include "native/devices/simulator/simulator.hpp"
#include "native/tests/simulator_runs.hpp"

namespace sluice {
namespace {

using testing::Answer;
using testing::OpenOrExit;
using testing::RunOn;

constexpr const char* kConfiguration = configurations::Ci::kName;
constexpr std::uint32_t kWidth = configurations::Ci::kInputParallel;
// Words of the tensor that the programs below move.
constexpr std::uint32_t kWords = 4;
constexpr std::uint64_t kSeeds = 64;
constexpr std::uint64_t kDamagedPrograms = 3000;
constexpr std::chrono::milliseconds kPatience{20};

// Indices of the instructions of CopyProgram.
enum Index : std::size_t { kLoad, kCopy, kStore, kFinish };

isa::Transfer Move(isa::Region region, std::uint32_t address) {
  isa::Transfer fields{};
  fields.region = static_cast<std::uint32_t>(region);
  fields.address = address;
  fields.columns = kWords;
  fields.rows = fields.blocks = 1;
  return fields;
}

isa::Pool Copy(std::uint32_t from, std::uint32_t to) {
  isa::Pool fields{};
  fields.input_address = from;
  fields.output_address = to;
  fields.output_rows = fields.input_rows = fields.blocks = 1;
  fields.output_columns = fields.input_columns = kWords;
  fields.kernel_rows = fields.kernel_columns = 1;
  fields.stride_rows = fields.stride_columns = 1;
  fields.dilation_rows = fields.dilation_columns = 1;
  fields.upsample_rows = fields.upsample_columns = 1;
  fields.minimum = -128;
  fields.maximum = 127;
  return fields;
}

void Set(Program& program, Index index, const isa::Field& field, std::int64_t value) {
  isa::Place(program.instructions[index], field, value);
}

// Loads the input, copies it inside the activation memory and stores the copy.
Program CopyProgram() {
  Program program;
  program.instructions = {isa::AssembleLoad(Move(isa::Region::kInput, 0)),
                          isa::AssemblePool(Copy(0, 8)),
                          isa::AssembleStore(Move(isa::Region::kOutput, 8)), isa::AssembleFinish()};
  program.input_bytes = program.output_bytes = kWords * kWidth;
  Set(program, kLoad, isa::header::kPushNext, 1);
  Set(program, kCopy, isa::header::kPopPrevious, 1);
  Set(program, kCopy, isa::header::kPushNext, 1);
  Set(program, kStore, isa::header::kPopPrevious, 1);
  return program;
}

std::vector<std::uint8_t> SomeInput() {
  std::vector<std::uint8_t> input(kWords * kWidth);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(7 * i + 1);
  return input;
}

// Seeds with which a new device's first run of the program answers something else than its input.
std::uint64_t WrongAnswers(const Program& program) {
  std::uint64_t wrong = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto device = OpenOrExit(kConfiguration, SimulatorOptions{seed, 1, {}});
    const Answer answer = RunOn(*device, program, SomeInput());
    SLUICE_CHECK(answer.status.ok());
    if (answer.output != SomeInput()) ++wrong;
  }
  return wrong;
}

void TestMissingTokens() {
  SLUICE_CHECK(WrongAnswers(CopyProgram()) == 0);
  Program early_copy = CopyProgram();
  Set(early_copy, kLoad, isa::header::kPushNext, 0);
  Set(early_copy, kCopy, isa::header::kPopPrevious, 0);
  SLUICE_CHECK(WrongAnswers(early_copy) > 0);
  Program early_store = CopyProgram();
  Set(early_store, kCopy, isa::header::kPushNext, 0);
  Set(early_store, kStore, isa::header::kPopPrevious, 0);
  SLUICE_CHECK(WrongAnswers(early_store) > 0);
}

// Whether the program ends with a fault whose reason has the words.
bool FaultsWith(const Program& program, const std::string& words) {
  const auto device = OpenOrExit(kConfiguration, SimulatorOptions{4711, 1, {}});
  const Status status = RunOn(*device, program, SomeInput()).status;
  const bool faults = status.code == StatusCode::kDeviceFault &&
                      status.reason.find(words) != std::string::npos &&
                      status.reason.find("seed 4711") != std::string::npos;
  if (!faults) std::fprintf(stderr, "\"%s\" expected: %s\n", words.c_str(), status.reason.c_str());
  return faults;
}

Program Damaged(Index index, const isa::Field& field, std::int64_t value) {
  Program program = CopyProgram();
  Set(program, index, field, value);
  return program;
}

void TestSchedulingFaults() {
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::header::kPushNext, 0),
                          "EXECUTE at instruction 1 for a token of the previous unit"));
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::header::kPushNext, 0),
                          "STORE at instruction 2 for a token of the previous unit"));
  SLUICE_CHECK(FaultsWith(Damaged(kCopy, isa::header::kPushPrevious, 1), "tokens are left"));
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::header::kPopPrevious, 1), "which it has not"));
  SLUICE_CHECK(FaultsWith(Damaged(kStore, isa::header::kPushNext, 1), "which it has not"));
  SLUICE_CHECK(FaultsWith(Damaged(kCopy, isa::header::kOperation, 9), "no known operation"));
  Program endless = CopyProgram();
  endless.instructions.pop_back();
  SLUICE_CHECK(FaultsWith(endless, "no FINISH"));
  Program beyond = CopyProgram();
  beyond.instructions.push_back(isa::AssembleFinish());
  SLUICE_CHECK(FaultsWith(beyond, "follow FINISH"));
  Program full = CopyProgram();
  full.instructions.insert(full.instructions.begin(), isa::kTokenQueueDepth + 1,
                           full.instructions.front());
  SLUICE_CHECK(FaultsWith(full, "room for a token to the next unit"));
}

void TestBounds() {
  const std::int64_t lines = configurations::Ci::kActivationLines;
  const std::int64_t last = lines - kWords / configurations::Ci::kPixelParallel;
  // The last place that fits, and the first that does not.
  const auto device = OpenOrExit(kConfiguration, SimulatorOptions{});
  SLUICE_CHECK(
      RunOn(*device, Damaged(kLoad, isa::transfer::kAddress, last), SomeInput()).status.ok());
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::transfer::kAddress, last + 1), "instruction 0"));
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::transfer::kDramOffset, 1), "beyond the region"));
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::transfer::kRegion, 2), "can't reach"));
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::transfer::kRows, 0), "of 0"));
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::transfer::kMemory, 1), "can't reach"));
  SLUICE_CHECK(FaultsWith(Damaged(kLoad, isa::transfer::kMemory, 5), "can't reach"));
  SLUICE_CHECK(FaultsWith(Damaged(kCopy, isa::pool::kInputAddress, last + 1), "instruction 1"));
  SLUICE_CHECK(FaultsWith(Damaged(kCopy, isa::pool::kOutputAddress, last + 1), "instruction 1"));
  SLUICE_CHECK(FaultsWith(Damaged(kCopy, isa::pool::kUpsampleRows, 0), "of 0"));
  SLUICE_CHECK(FaultsWith(Damaged(kCopy, isa::pool::kTable, 7), "table slot"));
  SLUICE_CHECK(FaultsWith(Damaged(kStore, isa::transfer::kMemory, 1), "STORE can't reach"));
  SLUICE_CHECK(FaultsWith(Damaged(kStore, isa::transfer::kRegion, 1), "can't reach"));
}

// Programs with flipped bits end with an answer or a fault; some would run for hours and are
// stopped. The sanitizers see what goes outside.
void TestDamagedPrograms() {
  const testing::ProgramSizes sizes = testing::ProgramSizesOf<configurations::Ci>();
  const auto device = OpenOrExit(kConfiguration, SimulatorOptions{1, 1, {}});
  testing::Random random(99);
  std::uint64_t faults = 0;
  std::uint64_t answers = 0;
  for (std::uint64_t i = 0; i < kDamagedPrograms; ++i) {
    const testing::RandomProgram made = testing::MakeRandomProgram(sizes, i);
    Program program = testing::ProgramOf(made);
    const std::int64_t flips = random.Between(1, 3);
    for (std::int64_t flip = 0; flip < flips; ++flip) {
      const auto at = static_cast<std::size_t>(
          random.Between(0, static_cast<std::int64_t>(program.instructions.size()) - 1));
      // Behind the header, whose bits mostly end in a wait.
      const auto bit = static_cast<std::size_t>(random.Between(23, 255));
      program.instructions[at].word[bit / 64] ^= std::uint64_t{1} << bit % 64;
    }
    std::atomic<bool> stop{false};
    std::atomic<bool> done{false};
    std::thread watch([&] {
      const auto end = std::chrono::steady_clock::now() + kPatience;
      while (!done && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
      stop = true;
    });
    const Answer answer = RunOn(*device, program, testing::RandomBytes(made.input_bytes, i), stop);
    done = true;
    watch.join();
    if (answer.status.code == StatusCode::kDeviceFault) ++faults;
    if (answer.status.ok()) ++answers;
  }
  SLUICE_CHECK(faults > kDamagedPrograms / 10);
  SLUICE_CHECK(answers > kDamagedPrograms / 10);
}

// A program that stores words which it never wrote reads zeros.
void TestIsolation() {
  Program thief = CopyProgram();
  thief.instructions = {thief.instructions[kStore], thief.instructions[kFinish]};
  isa::Place(thief.instructions[0], isa::header::kPopPrevious, 0);
  const auto device = OpenOrExit(kConfiguration, SimulatorOptions{});
  const Answer owner = RunOn(*device, CopyProgram(), SomeInput());
  SLUICE_CHECK(owner.output == SomeInput());
  const Answer stolen = RunOn(*device, thief, SomeInput());
  SLUICE_CHECK(stolen.status.ok());
  SLUICE_CHECK(stolen.output == std::vector<std::uint8_t>(kWords * kWidth, 0));
}

// A pool whose rows all lie in the same place: days of work for one instruction.
Program EndlessProgram() {
  isa::Pool pool = Copy(0, 8);
  pool.output_rows = pool.input_rows = 1023;
  pool.blocks = 511;
  pool.kernel_rows = pool.kernel_columns = 63;
  Program program = CopyProgram();
  program.instructions[kCopy] = isa::AssemblePool(pool);
  Set(program, kCopy, isa::header::kPopPrevious, 1);
  Set(program, kCopy, isa::header::kPushNext, 1);
  return program;
}

void TestStop() {
  for (const unsigned threads : {1u, 3u}) {
    const auto device = OpenOrExit(kConfiguration, SimulatorOptions{1, threads, {}});
    const std::atomic<bool> already{true};
    SLUICE_CHECK(RunOn(*device, CopyProgram(), SomeInput(), already).status.code ==
                 StatusCode::kCancelled);
    // With several threads the rows would race for the same lines.
    if (threads > 1) continue;
    std::atomic<bool> stop{false};
    std::thread stopper([&stop] {
      std::this_thread::sleep_for(kPatience);
      stop = true;
    });
    SLUICE_CHECK(RunOn(*device, EndlessProgram(), SomeInput(), stop).status.code ==
                 StatusCode::kCancelled);
    stopper.join();
  }
}

void TestOptions() {
  std::unique_ptr<Device> device;
  SimulatorFacts facts;
  SLUICE_CHECK(OpenSimulator("nowhere", {}, &device).code == StatusCode::kDeviceUnavailable);
  SLUICE_CHECK(OpenSimulator(kConfiguration, SimulatorOptions{1, 1, "abacus"}, &device).code ==
               StatusCode::kDeviceUnavailable);
  SLUICE_CHECK(
      OpenSimulator(kConfiguration, SimulatorOptions{1, kSimulatorThreadsMax + 1, {}}, &device)
          .code == StatusCode::kLimitExceeded);
  SLUICE_CHECK(device == nullptr);
  OpenOrExit(kConfiguration, SimulatorOptions{5, 3, "portable"}, &facts);
  SLUICE_CHECK(facts.seed == 5 && facts.threads == 3 && facts.kernels == "portable");
  SimulatorFacts other;
  OpenOrExit(kConfiguration, {}, &facts);
  OpenOrExit(kConfiguration, {}, &other);
  SLUICE_CHECK(facts.seed != other.seed);
  SLUICE_CHECK(facts.threads >= 1 && facts.threads <= kSimulatorThreadsDefaultMax);
  SLUICE_CHECK(SimulatorKernels().starts_with(facts.kernels));
}

}  // namespace
}  // namespace sluice

int main() {
  sluice::TestMissingTokens();
  sluice::TestSchedulingFaults();
  sluice::TestBounds();
  sluice::TestDamagedPrograms();
  sluice::TestIsolation();
  sluice::TestStop();
  sluice::TestOptions();
  return sluice::testing::Finish();
}
