// Clocks, products and beats of the timed simulation against those that the HLS sources count while
// they run, over random programs of every configuration.
#include <atomic>
#include <memory>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/npu/random_program.hpp"
#include "hls/testing.hpp"
#include "native/core/timing/simulation.hpp"
#include "native/devices/csim/csim.hpp"

namespace {

using sluice::Counters;
using sluice::Device;
using sluice::testing::RandomProgram;
using sluice::timing::Activity;
using sluice::timing::Timeline;

const std::atomic<bool> kGoOn{false};

// What the HLS sources counted.
Counters CountersOf(Device& device, const RandomProgram& random) {
  sluice::Program program;
  program.instructions = random.instructions;
  program.weights = random.weights;
  program.input_bytes = random.input_bytes;
  program.output_bytes = random.output_bytes;
  program.arena_bytes = random.arena_bytes;
  std::shared_ptr<sluice::ResidentProgram> resident;
  SLUICE_CHECK(device.Load(std::move(program), &resident).ok());
  const std::vector<std::uint8_t> input(random.input_bytes);
  std::vector<std::uint8_t> output(random.output_bytes);
  Counters counters;
  SLUICE_CHECK(device.Run(*resident, input, output, kGoOn, &counters).ok());
  return counters;
}

template <class Configuration>
void CheckConfiguration(std::uint64_t programs) {
  std::unique_ptr<Device> device;
  SLUICE_CHECK(sluice::OpenCsim(Configuration::kName, &device).ok());
  for (std::uint64_t seed = 1; seed <= programs; ++seed) {
    const RandomProgram random = sluice::testing::MakeRandomProgram(
        sluice::testing::ProgramSizesOf<Configuration>(), seed, {});
    const Counters counted = CountersOf(*device, random);
    Timeline timeline;
    SLUICE_CHECK(
        sluice::timing::Simulate(random.instructions, device->hardware(), kGoOn, &timeline).ok());
    SLUICE_CHECK(timeline.execute_cycles == counted.execute_cycles);
    SLUICE_CHECK(timeline.units[1][Activity::kBusy] == counted.execute_cycles);
    SLUICE_CHECK(timeline.multiply_accumulates == counted.multiply_accumulates);
    SLUICE_CHECK(timeline.bytes_loaded == counted.bytes_loaded);
    SLUICE_CHECK(timeline.bytes_stored == counted.bytes_stored);
    SLUICE_CHECK(timeline.events.size() == counted.instructions);
  }
}

}  // namespace

int main() {
  CheckConfiguration<sluice::configurations::Ci>(300);
  CheckConfiguration<sluice::configurations::Zynq7020>(200);
  CheckConfiguration<sluice::configurations::Kv260M>(100);
  CheckConfiguration<sluice::configurations::Kv260L>(100);
  CheckConfiguration<sluice::configurations::U50>(100);
  return sluice::testing::Finish();
}
