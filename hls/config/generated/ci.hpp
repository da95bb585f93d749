// Written by scripts/generate-npu-constants.mjs from hls/config/ci.json; change that and run it again.
#ifndef SLUICE_HLS_CONFIG_GENERATED_CI_HPP_
#define SLUICE_HLS_CONFIG_GENERATED_CI_HPP_

#include <cstdint>

namespace sluice {
namespace configurations {

// Small array for tests: every size is reached by small models.
struct Ci {
  static constexpr char kName[] = "ci";
  static constexpr std::uint32_t kBlock = 16;
  static constexpr std::uint32_t kPixelParallel = 1;
  static constexpr std::uint32_t kActivationWords = 1024;
  static constexpr std::uint32_t kWeightTiles = 128;
  static constexpr std::uint32_t kParameterRecords = 128;
  static constexpr std::uint32_t kClockMhz = 100;
  static constexpr std::uint8_t kHash[32] = {
      0x1b, 0x34, 0xf6, 0xe1, 0x75, 0x4c, 0x9b, 0x2b,
      0x75, 0xf5, 0x09, 0x48, 0xb8, 0x3a, 0x2a, 0x89,
      0xac, 0x78, 0xea, 0xd2, 0x3d, 0x70, 0x96, 0x04,
      0xb9, 0x9b, 0xc1, 0x8f, 0x2a, 0x39, 0xde, 0xf0};
};

}  // namespace configurations
}  // namespace sluice

#endif  // SLUICE_HLS_CONFIG_GENERATED_CI_HPP_
