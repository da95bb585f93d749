// The C simulation as a device: answers and counters of random programs, isolation, cancellation.
#include "native/devices/csim/csim.hpp"

#include <atomic>
#include <memory>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/npu/random_program.hpp"
#include "hls/npu/reference.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::Counters;
using sluice::Device;
using sluice::Program;
using sluice::ResidentProgram;
using sluice::StatusCode;
using sluice::testing::RandomBytes;
using sluice::testing::RandomProgram;
namespace reference = sluice::reference;

Program ProgramOf(const RandomProgram& made) {
  return Program{made.instructions, made.weights, static_cast<std::size_t>(made.input_bytes),
                 static_cast<std::size_t>(made.output_bytes),
                 static_cast<std::size_t>(made.arena_bytes)};
}

template <class Configuration>
RandomProgram Make(std::uint64_t seed) {
  return sluice::testing::MakeRandomProgram(sluice::testing::ProgramSizesOf<Configuration>(), seed);
}

std::shared_ptr<ResidentProgram> LoadOn(Device& device, const RandomProgram& made) {
  std::shared_ptr<ResidentProgram> resident;
  SLUICE_CHECK(device.Load(ProgramOf(made), &resident).ok());
  return resident;
}

template <class Configuration>
void TestAnswers(std::uint64_t programs) {
  std::unique_ptr<Device> device;
  SLUICE_CHECK(sluice::OpenCsim(Configuration::kName, &device).ok());
  const std::atomic<bool> stop = false;
  for (std::uint64_t seed = 0; seed < programs; ++seed) {
    const RandomProgram made = Make<Configuration>(seed);
    const auto resident = LoadOn(*device, made);
    reference::Regions regions{made.weights, RandomBytes(made.input_bytes, seed),
                               reference::Bytes(made.output_bytes),
                               reference::Bytes(made.arena_bytes)};
    const reference::Counts counts =
        reference::RunProgram<Configuration>(made.instructions, regions);
    reference::Bytes output(made.output_bytes);
    Counters counters;
    SLUICE_CHECK(device->Run(*resident, regions.input, output, stop, &counters).ok());
    SLUICE_CHECK(output == regions.output);
    SLUICE_CHECK(counters.instructions == made.instructions.size());
    SLUICE_CHECK(counters.execute_cycles == counts.execute_cycles);
    SLUICE_CHECK(counters.multiply_accumulates == counts.multiply_accumulates);
    SLUICE_CHECK(counters.bytes_loaded == counts.beats_loaded * Configuration::kInputParallel);
    SLUICE_CHECK(counters.bytes_stored == counts.beats_stored * Configuration::kInputParallel);
  }
}

// A program that reads what nothing wrote: it finds zeros, not another program's data.
void TestIsolation() {
  using Configuration = sluice::configurations::Ci;
  std::unique_ptr<Device> device;
  SLUICE_CHECK(sluice::OpenCsim(Configuration::kName, &device).ok());
  const std::atomic<bool> stop = false;
  RandomProgram made = Make<Configuration>(3);
  const auto first = LoadOn(*device, made);
  reference::Bytes output(made.output_bytes);
  Counters counters;
  const reference::Bytes input(made.input_bytes, 77);
  SLUICE_CHECK(device->Run(*first, input, output, stop, &counters).ok());
  sluice::isa::Transfer all{};
  all.region = static_cast<std::uint32_t>(sluice::isa::Region::kOutput);
  all.columns = Configuration::kPixelParallel * Configuration::kActivationLines;
  all.rows = all.blocks = 1;
  made.instructions = {sluice::isa::AssembleStore(all), sluice::isa::AssembleFinish()};
  made.output_bytes = std::uint64_t{all.columns} * Configuration::kInputParallel;
  const auto second = LoadOn(*device, made);
  reference::Bytes seen(made.output_bytes, 1);
  SLUICE_CHECK(device->Run(*second, input, seen, stop, &counters).ok());
  SLUICE_CHECK(seen == reference::Bytes(made.output_bytes, 0));
}

void TestStopAndFault() {
  using Configuration = sluice::configurations::Ci;
  std::unique_ptr<Device> device;
  SLUICE_CHECK(sluice::OpenCsim(Configuration::kName, &device).ok());
  RandomProgram made = Make<Configuration>(4);
  const reference::Bytes input(made.input_bytes);
  reference::Bytes output(made.output_bytes);
  Counters counters;
  const auto whole = LoadOn(*device, made);
  const std::atomic<bool> stop = true;
  SLUICE_CHECK(device->Run(*whole, input, output, stop, &counters).code == StatusCode::kCancelled);
  SLUICE_CHECK(counters.instructions == 0);
  made.instructions.pop_back();
  const auto unfinished = LoadOn(*device, made);
  const std::atomic<bool> run = false;
  SLUICE_CHECK(device->Run(*unfinished, input, output, run, &counters).code ==
               StatusCode::kDeviceFault);
  SLUICE_CHECK(sluice::OpenCsim("nonsense", &device).code == StatusCode::kDeviceUnavailable);
}

}  // namespace

int main() {
  TestAnswers<sluice::configurations::Ci>(20);
  TestAnswers<sluice::configurations::Kv260L>(5);
  TestAnswers<sluice::configurations::U50>(3);
  TestIsolation();
  TestStopAndFault();
  return sluice::testing::Finish();
}
