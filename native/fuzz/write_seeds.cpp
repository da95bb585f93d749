// Writes right programs that fuzzing starts from into the folder of the first argument.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include "hls/npu/random_program.hpp"
#include "native/fuzz/hostile_program.hpp"
#include "native/tests/program_builder.hpp"

namespace {

using sluice::Hardware;
using sluice::testing::ProgramParts;

constexpr std::uint64_t kRandomPrograms = 40;
constexpr std::size_t kFileBytesMax = 12 * 1024;

ProgramParts MakeRandom(const Hardware& hardware, std::uint64_t seed) {
  const sluice::testing::ProgramSizes sizes{hardware.input_parallel,   hardware.pixel_parallel,
                                            hardware.activation_lines, hardware.weight_tiles,
                                            hardware.parameter_blocks, hardware.table_slots};
  sluice::testing::RandomProgramLimits limits;
  limits.layers_max = 3;
  limits.products_max = 20'000;
  const auto made = sluice::testing::MakeRandomProgram(sizes, seed, limits);
  return ProgramParts{made.instructions, made.weights, static_cast<std::uint32_t>(made.input_bytes),
                      static_cast<std::uint32_t>(made.output_bytes),
                      static_cast<std::uint32_t>(made.arena_bytes)};
}

bool WriteProgram(const std::string& path, const ProgramParts& parts, const Hardware& hardware) {
  const sluice::testing::FileBytes file = sluice::testing::EncodeProgram(parts, hardware);
  if (file.size() > kFileBytesMax) return true;
  std::ofstream stream(path, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(file.data()),
               static_cast<std::streamsize>(file.size()));
  return stream.good();
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) return 2;
  for (const Hardware& hardware : sluice::fuzz::AllHardware()) {
    const std::string path = std::string(arguments[1]) + "/" + hardware.configuration + "-";
    if (!WriteProgram(path + "sample", sluice::testing::MakeSample(hardware), hardware)) return 1;
    for (std::uint64_t seed = 1; seed <= kRandomPrograms; ++seed) {
      if (!WriteProgram(path + std::to_string(seed), MakeRandom(hardware, seed), hardware)) {
        return 1;
      }
    }
  }
  return 0;
}
