// The simulator in another process gives the same outputs, counters and refusals as in this one.
#include <atomic>
#include <memory>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/testing.hpp"
#include "native/devices/simulator/simulator.hpp"
#include "native/tests/program_builder.hpp"
#include "native/tests/remote_bench.hpp"

namespace {

using namespace sluice;           // NOLINT: a test of this namespace
using namespace sluice::testing;  // NOLINT

const std::atomic<bool> kNever{false};

struct Loaded {
  std::unique_ptr<Device> device;
  std::shared_ptr<ResidentProgram> program;
};

Program Parse(const ProgramParts& parts, const Hardware& hardware) {
  Program program;
  SLUICE_CHECK(ParseProgram(EncodeProgram(parts, hardware), hardware, kNever, &program).ok());
  return program;
}

struct Answer {
  Status status;
  std::vector<std::uint8_t> output;
  Counters counters;
};

Answer RunOn(const Loaded& loaded, const std::vector<std::uint8_t>& input) {
  Answer answer;
  answer.output.resize(loaded.program->program().output_bytes);
  answer.status =
      loaded.device->Run(*loaded.program, input, answer.output, kNever, &answer.counters);
  return answer;
}

void Compare(const Answer& one, const Answer& other) {
  SLUICE_CHECK(one.status.code == other.status.code && one.status.reason == other.status.reason);
  SLUICE_CHECK(one.output == other.output);
  SLUICE_CHECK(one.counters.instructions == other.counters.instructions);
  SLUICE_CHECK(one.counters.execute_cycles == other.counters.execute_cycles);
  SLUICE_CHECK(one.counters.multiply_accumulates == other.counters.multiply_accumulates);
  SLUICE_CHECK(one.counters.bytes_loaded == other.counters.bytes_loaded);
  SLUICE_CHECK(one.counters.bytes_stored == other.counters.bytes_stored);
}

void CheckSameAnswers() {
  remote::DeviceProcessOptions options = MisbehavingOptions("");
  options.library = SLUICE_TEST_SIMULATOR_LIBRARY;
  options.timeouts = remote::RemoteTimeouts{};
  Loaded here;
  Loaded there;
  SLUICE_CHECK(OpenSimulator("ci", {}, &here.device).ok());
  SLUICE_CHECK(OpenRemoteDevice(options, kNever, &there.device).ok());
  Random random(71);
  for (int round = 0; round < 5; ++round) {
    const ProgramParts parts = MakeSample(here.device->hardware());
    for (Loaded* loaded : {&here, &there}) {
      SLUICE_CHECK(
          loaded->device->Load(Parse(parts, loaded->device->hardware()), &loaded->program).ok());
    }
    for (int item = 0; item < 20; ++item) {
      std::vector<std::uint8_t> input(parts.input_bytes);
      for (std::uint8_t& byte : input) byte = static_cast<std::uint8_t>(random.Between(0, 255));
      const Answer answer = RunOn(here, input);
      SLUICE_CHECK(answer.status.ok());
      Compare(answer, RunOn(there, input));
    }
  }
}

}  // namespace

int main() {
  CheckSameAnswers();
  return sluice::testing::Finish();
}
