// Written by scripts/generate-npu-constants.mjs from hls/config/kv260-m.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_KV260_M_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_KV260_M_HPP_

#include <cstdint>

namespace sluice {
namespace configurations {

// Kria KV260: 16 x 16 x 4 multipliers, 1,024 multiply-accumulates a clock.
struct Kv260M {
  static constexpr char kName[] = "kv260-m";
  static constexpr std::uint32_t kInputParallel = 16;
  static constexpr std::uint32_t kOutputParallel = 16;
  static constexpr std::uint32_t kPixelParallel = 4;
  static constexpr std::uint32_t kVectorParallel = 2;
  static constexpr std::uint32_t kActivationLines = 8192;
  static constexpr std::uint32_t kWeightTiles = 4096;
  static constexpr std::uint32_t kParameterBlocks = 256;
  static constexpr std::uint32_t kTableSlots = 4;
  static constexpr std::uint32_t kClockMhz = 300;
  // Width of a multiplier's larger operand; no program depends on it.
  static constexpr std::uint32_t kMultiplierPortBits = 27;
  // What the timed simulation assumes; calibrated: none.
  static constexpr std::uint32_t kDispatchCycles = 4;
  static constexpr std::uint32_t kExecuteFillCycles = 32;
  static constexpr std::uint32_t kMemoryLatencyCycles = 80;
  static constexpr std::uint32_t kBurstBeatsMax = 64;
  static constexpr std::uint32_t kMemoryMegabytesPerSecond = 13440;
  static constexpr std::uint8_t kHash[32] = {
      0xfe, 0xbb, 0x32, 0x90, 0xf9, 0xf9, 0xfc, 0xfe,
      0xb0, 0x91, 0xa6, 0xc9, 0xc2, 0xcb, 0xf6, 0xe5,
      0x75, 0x74, 0x80, 0x3f, 0x8a, 0xa2, 0x75, 0xb2,
      0xcd, 0x51, 0x19, 0x16, 0x97, 0x19, 0x94, 0x1f};
};

}  // namespace configurations
}  // namespace sluice

#endif  // SLUICE_HLS_CONFIG_GENERATED_KV260_M_HPP_
