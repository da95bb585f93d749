// Written by scripts/generate-npu-constants.mjs from hls/config/kv260-m.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_KV260_M_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_KV260_M_HPP_

#include <cstdint>

namespace sluice {
namespace configurations {

// Kria KV260: 16 x 16 x 4 multipliers, 1,024 multiply-accumulates a clock.
struct Kv260M {
  static constexpr char kName[] = "kv260-m";
  static constexpr std::uint32_t kBlock = 16;
  static constexpr std::uint32_t kPixelParallel = 4;
  static constexpr std::uint32_t kActivationWords = 32768;
  static constexpr std::uint32_t kWeightTiles = 4096;
  static constexpr std::uint32_t kParameterRecords = 4096;
  static constexpr std::uint32_t kClockMhz = 300;
  static constexpr std::uint8_t kHash[32] = {
      0x0c, 0xfe, 0x5e, 0xc9, 0x10, 0x5b, 0x05, 0xe9,
      0xf7, 0x67, 0xc1, 0x24, 0x72, 0x07, 0x3c, 0x47,
      0xcd, 0x83, 0xc0, 0xec, 0xc2, 0x81, 0xd6, 0xa1,
      0x02, 0x42, 0xce, 0xc1, 0x3b, 0xe2, 0x95, 0xcd};
};

}  // namespace configurations
}  // namespace sluice

#endif  // SLUICE_HLS_CONFIG_GENERATED_KV260_M_HPP_
