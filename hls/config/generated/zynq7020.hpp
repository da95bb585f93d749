// Written by scripts/generate-npu-constants.mjs from hls/config/zynq7020.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_ZYNQ7020_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_ZYNQ7020_HPP_

#include <cstdint>

namespace sluice {
namespace configurations {

// Zynq-7020: 8 x 8 x 4 multipliers, 256 multiply-accumulates a clock.
struct Zynq7020 {
  static constexpr char kName[] = "zynq7020";
  static constexpr std::uint32_t kInputParallel = 8;
  static constexpr std::uint32_t kOutputParallel = 8;
  static constexpr std::uint32_t kPixelParallel = 4;
  static constexpr std::uint32_t kVectorParallel = 2;
  static constexpr std::uint32_t kActivationLines = 4096;
  static constexpr std::uint32_t kWeightTiles = 2048;
  static constexpr std::uint32_t kParameterBlocks = 256;
  static constexpr std::uint32_t kTableSlots = 4;
  static constexpr std::uint32_t kClockMhz = 150;
  // Width of a multiplier's larger operand; no program depends on it.
  static constexpr std::uint32_t kMultiplierPortBits = 25;
  // What the timed simulation assumes; calibrated: none.
  static constexpr std::uint32_t kDispatchCycles = 4;
  static constexpr std::uint32_t kExecuteFillCycles = 32;
  static constexpr std::uint32_t kMemoryLatencyCycles = 80;
  static constexpr std::uint32_t kBurstBeatsMax = 64;
  static constexpr std::uint32_t kMemoryMegabytesPerSecond = 2980;
  static constexpr std::uint8_t kHash[32] = {
      0x5c, 0xb7, 0x24, 0xf6, 0xa8, 0xe2, 0x8b, 0x06,
      0x51, 0xac, 0x84, 0x5b, 0x05, 0x80, 0xc3, 0x24,
      0xb2, 0xe8, 0x9a, 0x15, 0xd2, 0x38, 0x7f, 0x6d,
      0x2c, 0x2d, 0xfe, 0xec, 0x62, 0x08, 0xd5, 0xe6};
};

}  // namespace configurations
}  // namespace sluice

#endif  // SLUICE_HLS_CONFIG_GENERATED_ZYNQ7020_HPP_
