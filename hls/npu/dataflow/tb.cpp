// The concurrent units, each a thread, against the units one after the other: random programs of
// every configuration, whole and cut short by a fault. A lock-up ends the bench.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/npu/dataflow/processes.hpp"
#include "hls/npu/npu.hpp"
#include "hls/npu/random_program.hpp"
#include "hls/streams/threaded_test_stream.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::Beat;
using sluice::Command;
using sluice::NpuStatus;
using sluice::Token;
using sluice::testing::RandomBytes;
using sluice::testing::RandomProgram;
using sluice::testing::ThreadedStream;
namespace isa = sluice::isa;

// Far beyond what a program takes, sanitized, on a busy computer.
constexpr std::chrono::seconds kLockUp(60);

template <class Configuration>
struct Channels {
  ThreadedStream<Command, sluice::kCommandDepth> to_load, to_execute, to_store;
  ThreadedStream<sluice::LoadedElement<Configuration>, sluice::kBeatDepth> loaded;
  ThreadedStream<Token, isa::kTokenQueueDepth> execute_to_load, execute_to_store, store_to_execute;
  ThreadedStream<sluice::StoreCommand, sluice::kSingleDepth> store_commands;
  ThreadedStream<Beat<Configuration>, sluice::kBeatDepth> stored;
  ThreadedStream<sluice::FetchReport, sluice::kSingleDepth> fetch_report;
  ThreadedStream<sluice::ExecuteReport, sluice::kSingleDepth> execute_report;
  ThreadedStream<sluice::TransferReport, sluice::kSingleDepth> load_report, store_report;

  bool Empty() const {
    return to_load.IsEmpty() && to_execute.IsEmpty() && to_store.IsEmpty() && loaded.IsEmpty() &&
           execute_to_load.IsEmpty() && execute_to_store.IsEmpty() && store_to_execute.IsEmpty() &&
           store_commands.IsEmpty() && stored.IsEmpty();
  }
};

template <class Configuration>
void RunExecute(sluice::Scratchpads<Configuration>& memories, Channels<Configuration>& channels) {
  sluice::StreamService<Configuration> service;
  sluice::ExecuteProcess<Configuration>(memories, service, channels.to_execute,
                                        channels.execute_to_load, channels.execute_to_store,
                                        channels.store_to_execute, channels.execute_report,
                                        channels.loaded, channels.store_commands, channels.stored);
}

// The beats of a program's regions.
template <class Configuration>
struct Memory {
  using Beats = std::vector<Beat<Configuration>>;
  Beats weights, input, output, arena;

  Memory(const RandomProgram& program, std::uint64_t seed)
      : weights(BeatsOf(program.weights)),
        input(BeatsOf(RandomBytes(program.input_bytes, seed))),
        output(BeatsOf(RandomBytes(program.output_bytes, seed + 1))),
        arena(BeatsOf(RandomBytes(program.arena_bytes, seed + 2))) {}

  // One more than needed, so that an empty region has an address.
  static Beats BeatsOf(const std::vector<std::uint8_t>& bytes) {
    Beats beats(bytes.size() / sizeof(Beat<Configuration>) + 1);
    if (!bytes.empty()) std::memcpy(beats.data(), bytes.data(), bytes.size());
    return beats;
  }

  sluice::RegionSizes Sizes() const {
    return {weights.size() - 1, input.size() - 1, output.size() - 1, arena.size() - 1};
  }
};

template <class Configuration>
NpuStatus RunConcurrently(const std::vector<isa::InstructionWords>& program,
                          sluice::Scratchpads<Configuration>& memories,
                          Memory<Configuration>& regions, Channels<Configuration>& c) {
  std::thread fetch([&] {
    sluice::FetchProcess<Configuration>(program.data(), static_cast<std::uint32_t>(program.size()),
                                        regions.Sizes(), c.to_load, c.to_execute, c.to_store,
                                        c.fetch_report);
  });
  std::thread load([&] {
    sluice::LoadProcess<Configuration>(regions.weights.data(), regions.input.data(),
                                       regions.arena.data(), c.to_load, c.execute_to_load, c.loaded,
                                       c.load_report);
  });
  std::thread store([&] {
    sluice::StoreProcess<Configuration>(regions.output.data(), regions.arena.data(), c.to_store,
                                        c.execute_to_store, c.store_to_execute, c.store_commands,
                                        c.stored, c.store_report);
  });
  RunExecute<Configuration>(memories, c);
  fetch.join();
  load.join();
  store.join();
  return sluice::StatusOf(c.fetch_report.Read(), c.execute_report.Read(), c.load_report.Read(),
                          c.store_report.Read());
}

template <class Beats>
bool Same(const Beats& left, const Beats& right) {
  return std::memcmp(left.data(), right.data(), left.size() * sizeof(left[0])) == 0;
}

bool SameStatus(const NpuStatus& left, const NpuStatus& right) {
  return std::memcmp(&left, &right, sizeof(NpuStatus)) == 0;
}

// Every other program has an instruction without an operation somewhere.
void Damage(std::uint64_t seed, RandomProgram& program) {
  if (seed % 2 == 0) return;
  const std::size_t index = static_cast<std::size_t>(seed / 2) % program.instructions.size();
  isa::Place(program.instructions[index], isa::header::kOperation, 30);
}

template <class Configuration>
void TestProgram(std::uint64_t seed, sluice::NpuState<Configuration>& sequential,
                 sluice::Scratchpads<Configuration>& concurrent) {
  RandomProgram program =
      sluice::testing::MakeRandomProgram(sluice::testing::ProgramSizesOf<Configuration>(), seed);
  Damage(seed, program);
  Memory<Configuration> expected(program, seed);
  Memory<Configuration> actual(program, seed);
  sluice::NpuRun<Configuration>(program.instructions.data(),
                                static_cast<std::uint32_t>(program.instructions.size()), sequential,
                                expected.Sizes(), expected.weights.data(), expected.input.data(),
                                expected.output.data(), expected.arena.data());
  Channels<Configuration> channels;
  const NpuStatus status =
      RunConcurrently<Configuration>(program.instructions, concurrent, actual, channels);
  SLUICE_CHECK(SameStatus(status, sequential.status));
  SLUICE_CHECK(Same(expected.output, actual.output));
  SLUICE_CHECK(Same(expected.arena, actual.arena));
  SLUICE_CHECK(channels.Empty());
}

template <class Configuration>
void TestConfiguration(std::uint64_t programs, std::atomic<std::uint64_t>& done) {
  const auto sequential = std::make_unique<sluice::NpuState<Configuration>>();
  const auto concurrent = std::make_unique<sluice::Scratchpads<Configuration>>();
  for (std::uint64_t seed = 0; seed < programs; ++seed) {
    TestProgram<Configuration>(seed, *sequential, *concurrent);
    ++done;
  }
}

// No answer shows a port that is used twice: while EXECUTE has a bank's second port, neither LOAD
// nor STORE may have it, and each goes on once it is free. A beat goes before a stored word.
void TestPorts() {
  using Configuration = sluice::configurations::Ci;
  const auto memories = std::make_unique<sluice::Scratchpads<Configuration>>();
  Channels<Configuration> c;
  sluice::StreamService<Configuration> service;
  sluice::LoadedElement<Configuration> element{sluice::LoadedKind::kBeat, {}};
  element.loaded.beat.word[0] = 5;
  c.loaded.Write(element);
  c.store_commands.Write(sluice::StoreCommand{{0, 1, 1, 1, 1, 1}, false});
  auto busy = sluice::IdlePorts<Configuration>();
  busy.activation.enabled[0] = true;
  service.Advance(*memories, busy, c.loaded, c.store_commands, c.stored);
  SLUICE_CHECK(memories->activation[0][0].word[0] == 0 && c.stored.IsEmpty());
  service.Wait(*memories, c.loaded, c.store_commands, c.stored);
  SLUICE_CHECK(memories->activation[0][0].word[0] == 5 && c.stored.IsEmpty());
  service.Wait(*memories, c.loaded, c.store_commands, c.stored);
  SLUICE_CHECK(!c.stored.IsEmpty() && c.stored.Read().word[0] == 5);
}

// A table has no port to spare while ADD reads it twice.
void TestTablePorts() {
  using Configuration = sluice::configurations::Ci;
  const auto memories = std::make_unique<sluice::Scratchpads<Configuration>>();
  Channels<Configuration> c;
  sluice::StreamService<Configuration> service;
  sluice::LoadedElement<Configuration> element{sluice::LoadedKind::kBeat, {}};
  element.loaded.memory = isa::Memory::kTable;
  element.loaded.beat.word[0] = 5;
  c.loaded.Write(element);
  auto busy = sluice::IdlePorts<Configuration>();
  busy.tables = true;
  service.Advance(*memories, busy, c.loaded, c.store_commands, c.stored);
  SLUICE_CHECK(memories->table[0][0] == 0);
  service.Wait(*memories, c.loaded, c.store_commands, c.stored);
  SLUICE_CHECK(memories->table[0][0] == 5);
}

// Ends the process when no program has ended for too long.
void Watch(const std::atomic<std::uint64_t>& done, const std::atomic<bool>& finished) {
  std::uint64_t seen = 0;
  auto since = std::chrono::steady_clock::now();
  while (!finished) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::uint64_t now = done;
    if (now != seen) since = std::chrono::steady_clock::now();
    seen = now;
    if (std::chrono::steady_clock::now() - since > kLockUp) {
      std::fprintf(stderr, "locked up after %llu programs\n", static_cast<unsigned long long>(now));
      std::_Exit(1);
    }
  }
}

}  // namespace

// An argument gives another number of programs.
int main(int count, char** arguments) {
  const std::uint64_t programs = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 16;
  std::atomic<std::uint64_t> done(0);
  std::atomic<bool> finished(false);
  std::thread watch([&] { Watch(done, finished); });
  TestConfiguration<sluice::configurations::Ci>(programs, done);
  TestConfiguration<sluice::configurations::Zynq7020>(programs, done);
  TestConfiguration<sluice::configurations::Kv260M>(programs, done);
  TestConfiguration<sluice::configurations::Kv260L>(programs, done);
  TestConfiguration<sluice::configurations::U50>(programs, done);
  TestPorts();
  TestTablePorts();
  finished = true;
  watch.join();
  return sluice::testing::Finish();
}
