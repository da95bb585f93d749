// Opens simulators and runs programs on them, for the simulator's tests.
#ifndef SLUICE_NATIVE_TESTS_SIMULATOR_RUNS_HPP_
#define SLUICE_NATIVE_TESTS_SIMULATOR_RUNS_HPP_

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "hls/npu/random_program.hpp"
#include "native/core/device.hpp"
#include "native/devices/simulator/simulator.hpp"

namespace sluice::testing {

inline Program ProgramOf(const RandomProgram& made) {
  return Program{made.instructions, made.weights, made.input_bytes, made.output_bytes,
                 made.arena_bytes};
}

inline bool SameCounters(const Counters& left, const Counters& right) {
  return left.instructions == right.instructions && left.execute_cycles == right.execute_cycles &&
         left.multiply_accumulates == right.multiply_accumulates &&
         left.bytes_loaded == right.bytes_loaded && left.bytes_stored == right.bytes_stored;
}

inline std::unique_ptr<Device> OpenOrExit(std::string_view configuration,
                                          const SimulatorOptions& options,
                                          SimulatorFacts* facts = nullptr) {
  std::unique_ptr<Device> device;
  const Status status = OpenSimulator(configuration, options, &device, facts);
  if (status.ok()) return device;
  std::fprintf(stderr, "%s\n", status.reason.c_str());
  std::exit(1);
}

struct Answer {
  Status status;
  std::vector<std::uint8_t> output;
  Counters counters;
};

inline Answer RunOn(Device& device, const Program& program, const std::vector<std::uint8_t>& input,
                    const std::atomic<bool>& stop) {
  Answer answer;
  std::shared_ptr<ResidentProgram> resident;
  answer.status = device.Load(program, &resident);
  if (!answer.status.ok()) return answer;
  answer.output.resize(program.output_bytes);
  answer.status = device.Run(*resident, input, answer.output, stop, &answer.counters);
  return answer;
}

inline Answer RunOn(Device& device, const Program& program,
                    const std::vector<std::uint8_t>& input) {
  const std::atomic<bool> never{false};
  return RunOn(device, program, input, never);
}

}  // namespace sluice::testing

#endif  // SLUICE_NATIVE_TESTS_SIMULATOR_RUNS_HPP_
