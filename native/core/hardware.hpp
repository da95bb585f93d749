// What a program was compiled for, as values: a configuration of hls/config without its type.
#ifndef SLUICE_NATIVE_CORE_HARDWARE_HPP_
#define SLUICE_NATIVE_CORE_HARDWARE_HPP_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace sluice {

using HardwareHash = std::array<std::uint8_t, 32>;

struct Hardware {
  std::string configuration;
  HardwareHash hash;
  // Sizes, named as in hls/config/*.json.
  std::uint32_t input_parallel;
  std::uint32_t output_parallel;
  std::uint32_t pixel_parallel;
  std::uint32_t vector_parallel;
  std::uint32_t activation_lines;
  std::uint32_t weight_tiles;
  std::uint32_t parameter_blocks;
  std::uint32_t table_slots;
  std::uint32_t clock_mhz;
  // What the timed simulation assumes.
  std::uint32_t dispatch_cycles;
  std::uint32_t execute_fill_cycles;
  std::uint32_t memory_latency_cycles;
  std::uint32_t burst_beats_max;
  std::uint32_t memory_megabytes_per_second;
};

// The values of a generated configuration.
template <class Configuration>
Hardware HardwareOf() {
  Hardware hardware{Configuration::kName,
                    {},
                    Configuration::kInputParallel,
                    Configuration::kOutputParallel,
                    Configuration::kPixelParallel,
                    Configuration::kVectorParallel,
                    Configuration::kActivationLines,
                    Configuration::kWeightTiles,
                    Configuration::kParameterBlocks,
                    Configuration::kTableSlots,
                    Configuration::kClockMhz,
                    Configuration::kDispatchCycles,
                    Configuration::kExecuteFillCycles,
                    Configuration::kMemoryLatencyCycles,
                    Configuration::kBurstBeatsMax,
                    Configuration::kMemoryMegabytesPerSecond};
  std::copy(std::begin(Configuration::kHash), std::end(Configuration::kHash),
            hardware.hash.begin());
  return hardware;
}

// 64 hexadecimal digits.
inline std::string HexOf(const HardwareHash& hash) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const std::uint8_t byte : hash) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_HARDWARE_HPP_
