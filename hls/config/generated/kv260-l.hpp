// Written by scripts/generate-npu-constants.mjs from hls/config/kv260-l.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_KV260_L_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_KV260_L_HPP_

#include <cstdint>

namespace sluice {
namespace configurations {

// Kria KV260: 16 x 16 x 7 multipliers, 1,792 multiply-accumulates a clock.
struct Kv260L {
  static constexpr char kName[] = "kv260-l";
  static constexpr std::uint32_t kInputParallel = 16;
  static constexpr std::uint32_t kOutputParallel = 16;
  static constexpr std::uint32_t kPixelParallel = 7;
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
      0x99, 0x00, 0x8e, 0x0d, 0x1d, 0x57, 0xe4, 0x58,
      0xd8, 0xd2, 0xfa, 0xc5, 0x7e, 0x2f, 0x00, 0x0f,
      0xff, 0x65, 0x61, 0x60, 0x67, 0x50, 0xe3, 0x5c,
      0xc6, 0xd9, 0x52, 0xd4, 0x20, 0xa5, 0x38, 0x54};
};

}  // namespace configurations
}  // namespace sluice

#endif  // SLUICE_HLS_CONFIG_GENERATED_KV260_L_HPP_
