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
  std::uint32_t clock_mhz;
  std::uint32_t block;
  std::uint32_t activation_words;
  std::uint32_t weight_tiles;
  std::uint32_t parameter_records;
};

// The values of a generated configuration.
template <class Configuration>
Hardware HardwareOf() {
  Hardware hardware{Configuration::kName,
                    {},
                    Configuration::kClockMhz,
                    Configuration::kBlock,
                    Configuration::kActivationWords,
                    Configuration::kWeightTiles,
                    Configuration::kParameterRecords};
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
