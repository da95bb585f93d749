// Breaks the sample program in one place and asks the loader for its reason.
#ifndef SLUICE_NATIVE_TESTS_RULES_BENCH_HPP_
#define SLUICE_NATIVE_TESTS_RULES_BENCH_HPP_

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "hls/config/generated/configurations.hpp"
#include "hls/testing.hpp"
#include "native/core/program.hpp"
#include "native/tests/program_builder.hpp"

namespace sluice::testing {

inline const Hardware& CiHardware() {
  static const Hardware hardware = HardwareOf<configurations::Ci>();
  return hardware;
}

inline const SamplePlaces& CiPlaces() {
  static const SamplePlaces places = PlacesOf(CiHardware());
  return places;
}

inline Status Parse(const FileBytes& file, const Hardware& hardware = CiHardware()) {
  Program program;
  return ParseProgram(file, hardware, std::atomic<bool>(false), &program);
}

// A rule is told by its reason: every one has the same code.
inline bool RefusedFor(const ProgramParts& parts, std::string_view reason) {
  const Status status = Parse(EncodeProgram(parts, CiHardware()));
  const bool refused =
      status.code == StatusCode::kProgramInvalid && status.reason.find(reason) != std::string::npos;
  if (!refused) {
    std::fprintf(stderr, "expected \"%.*s\", got \"%s\"\n", static_cast<int>(reason.size()),
                 reason.data(), status.ok() ? "accepted" : status.reason.c_str());
  }
  return refused;
}

inline bool Accepted(const ProgramParts& parts) {
  const Status status = Parse(EncodeProgram(parts, CiHardware()));
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.reason.c_str());
  return status.ok();
}

using Change = std::pair<isa::Field, std::int64_t>;

// The sample with fields of one instruction changed.
inline ProgramParts Changed(std::size_t at, std::initializer_list<Change> changes) {
  ProgramParts parts = MakeSample(CiHardware());
  for (const auto& [field, value] : changes) isa::Place(parts.instructions[at], field, value);
  return parts;
}

}  // namespace sluice::testing

#endif  // SLUICE_NATIVE_TESTS_RULES_BENCH_HPP_
