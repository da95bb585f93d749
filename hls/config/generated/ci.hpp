// Written by scripts/generate-npu-constants.mjs from hls/config/ci.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_CI_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_CI_HPP_

#include <cstdint>

namespace sluice {
namespace configurations {

// Small array for tests: every size is reached by small models.
struct Ci {
  static constexpr char kName[] = "ci";
  static constexpr std::uint32_t kInputParallel = 8;
  static constexpr std::uint32_t kOutputParallel = 8;
  static constexpr std::uint32_t kPixelParallel = 2;
  static constexpr std::uint32_t kVectorParallel = 1;
  static constexpr std::uint32_t kActivationLines = 512;
  static constexpr std::uint32_t kWeightTiles = 256;
  static constexpr std::uint32_t kParameterBlocks = 32;
  static constexpr std::uint32_t kTableSlots = 4;
  static constexpr std::uint32_t kClockMhz = 100;
  // Width of a multiplier's larger operand; no program depends on it.
  static constexpr std::uint32_t kMultiplierPortBits = 27;
  // What the timed simulation assumes; calibrated: none.
  static constexpr std::uint32_t kDispatchCycles = 4;
  static constexpr std::uint32_t kExecuteFillCycles = 32;
  static constexpr std::uint32_t kMemoryLatencyCycles = 80;
  static constexpr std::uint32_t kBurstBeatsMax = 64;
  static constexpr std::uint32_t kMemoryMegabytesPerSecond = 1600;
  static constexpr std::uint8_t kHash[32] = {
      0xd4, 0x41, 0x62, 0x9d, 0xd3, 0xef, 0x7c, 0xf1,
      0xfa, 0xf0, 0x49, 0x8a, 0xf9, 0x6e, 0xdf, 0x39,
      0x88, 0x67, 0x0d, 0x02, 0xdd, 0xb3, 0xe1, 0x83,
      0x4d, 0xa3, 0xf4, 0x01, 0xe7, 0x18, 0xa1, 0xa4};
};

}  // namespace configurations
}  // namespace sluice

#endif  // SLUICE_HLS_CONFIG_GENERATED_CI_HPP_
