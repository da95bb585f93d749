// Written by scripts/generate-npu-constants.mjs from hls/config/u50.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_U50_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_U50_HPP_

#include <cstdint>

namespace sluice {
namespace configurations {

// Alveo U50: one of four compute units, each 16 x 16 x 7 multipliers, 1,792 multiply-accumulates a clock.
struct U50 {
  static constexpr char kName[] = "u50";
  static constexpr std::uint32_t kInputParallel = 16;
  static constexpr std::uint32_t kOutputParallel = 16;
  static constexpr std::uint32_t kPixelParallel = 7;
  static constexpr std::uint32_t kVectorParallel = 4;
  static constexpr std::uint32_t kActivationLines = 16384;
  static constexpr std::uint32_t kWeightTiles = 8192;
  static constexpr std::uint32_t kParameterBlocks = 512;
  static constexpr std::uint32_t kTableSlots = 4;
  static constexpr std::uint32_t kClockMhz = 300;
  // Width of a multiplier's larger operand; no program depends on it.
  static constexpr std::uint32_t kMultiplierPortBits = 27;
  // What the timed simulation assumes; calibrated: none.
  static constexpr std::uint32_t kDispatchCycles = 4;
  static constexpr std::uint32_t kExecuteFillCycles = 32;
  static constexpr std::uint32_t kMemoryLatencyCycles = 120;
  static constexpr std::uint32_t kBurstBeatsMax = 64;
  static constexpr std::uint32_t kMemoryMegabytesPerSecond = 14400;
  static constexpr std::uint8_t kHash[32] = {
      0x42, 0x5a, 0x05, 0x9e, 0x85, 0xa1, 0x95, 0x81,
      0x2c, 0xc1, 0x73, 0xbd, 0xaa, 0x4a, 0x15, 0xc8,
      0x1d, 0xb5, 0x73, 0x75, 0x86, 0xb9, 0xcd, 0x0a,
      0xac, 0x19, 0xf4, 0x49, 0x09, 0xb4, 0xc1, 0xc3};
};

}  // namespace configurations
}  // namespace sluice

#endif  // SLUICE_HLS_CONFIG_GENERATED_U50_HPP_
