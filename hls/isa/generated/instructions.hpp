// Written by scripts/generate-npu-constants.mjs from hls/isa/instructions.json; change that and run it again.
#ifndef SLUICE_HLS_ISA_GENERATED_INSTRUCTIONS_HPP_
#define SLUICE_HLS_ISA_GENERATED_INSTRUCTIONS_HPP_

#include <cstdint>

namespace sluice {
namespace isa {

// Where a field stands in the instruction: 64-bit word, lowest bit, width in bits.
struct Field {
  std::uint32_t word;
  std::uint32_t low_bit;
  std::uint32_t width;
};

constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kInstructionWords = 4;
constexpr std::uint32_t kInstructionBytes = 32;
constexpr std::uint32_t kInstructionsMax = 65536;
constexpr std::uint32_t kTokenQueueDepth = 256;
constexpr std::uint32_t kParameterRecordBytes = 16;
constexpr std::uint32_t kMultiplierBits = 24;
constexpr std::uint32_t kShiftMin = 1;
constexpr std::uint32_t kShiftMax = 63;

enum class Operation : std::uint32_t {
  kLoad = 1,
  kStore = 2,
  kGemm = 3,
  kFinish = 31,
};

enum class Unit : std::uint32_t {
  kLoad = 0,
  kExecute = 1,
  kStore = 2,
};

enum class Memory : std::uint32_t {
  kActivation = 0,
  kWeight = 1,
  kParameter = 2,
};

enum class Region : std::uint32_t {
  kWeights = 0,
  kInput = 1,
  kOutput = 2,
  kArena = 3,
};

namespace header {
constexpr Field kOperation{0, 0, 5};
constexpr Field kUnit{0, 5, 2};
constexpr Field kPopPrevious{0, 7, 1};
constexpr Field kPopNext{0, 8, 1};
constexpr Field kPushPrevious{0, 9, 1};
constexpr Field kPushNext{0, 10, 1};
constexpr Field kLast{0, 11, 1};
constexpr Field kLayer{0, 12, 16};
constexpr Field kAll[] = {kOperation, kUnit, kPopPrevious, kPopNext, kPushPrevious, kPushNext, kLast, kLayer};
}  // namespace header

namespace transfer {
constexpr Field kDramOffset{1, 0, 32};
constexpr Field kRegion{1, 32, 3};
constexpr Field kMemory{1, 35, 3};
constexpr Field kSramAddress{1, 38, 16};
constexpr Field kRows{2, 0, 14};
constexpr Field kRowBeats{2, 14, 16};
constexpr Field kDramPitchBeats{2, 30, 20};
constexpr Field kSramPitch{2, 50, 14};
constexpr Field kAll[] = {kDramOffset, kRegion, kMemory, kSramAddress, kRows, kRowBeats, kDramPitchBeats, kSramPitch};
}  // namespace transfer

namespace gemm {
constexpr Field kActivationAddress{1, 0, 16};
constexpr Field kWeightAddress{1, 16, 16};
constexpr Field kParameterAddress{1, 32, 12};
constexpr Field kOutputAddress{1, 44, 16};
constexpr Field kRows{2, 0, 10};
constexpr Field kInputBlocks{2, 10, 12};
constexpr Field kOutputBlocks{2, 22, 8};
constexpr Field kActivationPitch{2, 30, 14};
constexpr Field kOutputPitch{2, 44, 14};
constexpr Field kOutputZeroPoint{3, 0, 8};
constexpr Field kMinimum{3, 8, 8};
constexpr Field kMaximum{3, 16, 8};
constexpr Field kAll[] = {kActivationAddress, kWeightAddress, kParameterAddress, kOutputAddress, kRows, kInputBlocks, kOutputBlocks, kActivationPitch, kOutputPitch, kOutputZeroPoint, kMinimum, kMaximum};
}  // namespace gemm

}  // namespace isa
}  // namespace sluice

#endif  // SLUICE_HLS_ISA_GENERATED_INSTRUCTIONS_HPP_
