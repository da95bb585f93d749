// Written by scripts/generate-npu-constants.mjs from hls/isa/instructions.json; change that and run it again.
#ifndef SLUICE_HLS_ISA_GENERATED_INSTRUCTIONS_HPP_
#define SLUICE_HLS_ISA_GENERATED_INSTRUCTIONS_HPP_

#include <cstdint>

namespace sluice {
namespace isa {

// Where a field stands in the instruction's bits, and whether it is a two's complement number.
struct Field {
  std::uint32_t low_bit;
  std::uint32_t width;
  bool is_signed;
};

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kInstructionWords = 4;
constexpr std::uint32_t kInstructionBytes = 32;
constexpr std::uint32_t kInstructionsMax = 65536;
constexpr std::uint32_t kTokenQueueDepth = 256;
constexpr std::uint32_t kParameterRecordBytes = 8;
constexpr std::uint32_t kMultiplierBits = 24;
constexpr std::uint32_t kShiftMin = 1;
constexpr std::uint32_t kShiftMax = 63;
constexpr std::uint32_t kTableEntries = 256;
constexpr std::uint32_t kTableBytes = 1024;
constexpr std::int32_t kWeightMin = -127;
constexpr std::uint32_t kProductsMax = 132104;

enum class Operation : std::uint32_t {
  kLoad = 1,
  kStore = 2,
  kConvolve = 3,
  kPool = 4,
  kAdd = 5,
  kMultiply = 6,
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
  kTable = 3,
};

enum class Region : std::uint32_t {
  kWeights = 0,
  kInput = 1,
  kOutput = 2,
  kArena = 3,
};

namespace header {
constexpr Field kOperation{0, 5, false};
constexpr Field kPopPrevious{5, 1, false};
constexpr Field kPopNext{6, 1, false};
constexpr Field kPushPrevious{7, 1, false};
constexpr Field kPushNext{8, 1, false};
constexpr Field kLayer{9, 14, false};
constexpr Field kAll[] = {kOperation, kPopPrevious, kPopNext, kPushPrevious, kPushNext, kLayer};
}  // namespace header

namespace transfer {
constexpr Field kRegion{23, 3, false};
constexpr Field kMemory{26, 3, false};
constexpr Field kDramOffset{29, 32, false};
constexpr Field kAddress{61, 14, false};
constexpr Field kColumns{75, 14, false};
constexpr Field kRows{89, 14, false};
constexpr Field kBlocks{103, 10, false};
constexpr Field kDramRowPitch{113, 16, false};
constexpr Field kDramBlockPitch{129, 24, false};
constexpr Field kRowPitch{153, 9, false};
constexpr Field kBlockPitch{162, 14, false};
constexpr Field kAll[] = {kRegion, kMemory, kDramOffset, kAddress, kColumns, kRows, kBlocks, kDramRowPitch, kDramBlockPitch, kRowPitch, kBlockPitch};
}  // namespace transfer

namespace convolution {
constexpr Field kInputAddress{23, 14, false};
constexpr Field kWeightAddress{37, 14, false};
constexpr Field kParameterAddress{51, 10, false};
constexpr Field kOutputAddress{61, 14, false};
constexpr Field kOutputRows{75, 10, false};
constexpr Field kOutputColumns{85, 10, false};
constexpr Field kOutputBlocks{95, 8, false};
constexpr Field kInputBlocks{103, 9, false};
constexpr Field kInputRows{112, 10, false};
constexpr Field kInputColumns{122, 10, false};
constexpr Field kKernelRows{132, 6, false};
constexpr Field kKernelColumns{138, 6, false};
constexpr Field kStrideRows{144, 3, false};
constexpr Field kStrideColumns{147, 3, false};
constexpr Field kDilationRows{150, 5, false};
constexpr Field kDilationColumns{155, 5, false};
constexpr Field kPadTop{160, 6, false};
constexpr Field kPadLeft{166, 6, false};
constexpr Field kInputRowPitch{172, 9, false};
constexpr Field kInputBlockPitch{181, 14, false};
constexpr Field kOutputRowPitch{195, 9, false};
constexpr Field kOutputBlockPitch{204, 14, false};
constexpr Field kPadValue{218, 8, true};
constexpr Field kOutputZeroPoint{226, 8, true};
constexpr Field kMinimum{234, 8, true};
constexpr Field kMaximum{242, 8, true};
constexpr Field kDepthwise{250, 1, false};
constexpr Field kTable{251, 3, false};
constexpr Field kAll[] = {kInputAddress, kWeightAddress, kParameterAddress, kOutputAddress, kOutputRows, kOutputColumns, kOutputBlocks, kInputBlocks, kInputRows, kInputColumns, kKernelRows, kKernelColumns, kStrideRows, kStrideColumns, kDilationRows, kDilationColumns, kPadTop, kPadLeft, kInputRowPitch, kInputBlockPitch, kOutputRowPitch, kOutputBlockPitch, kPadValue, kOutputZeroPoint, kMinimum, kMaximum, kDepthwise, kTable};
}  // namespace convolution

namespace pool {
constexpr Field kInputAddress{23, 14, false};
constexpr Field kOutputAddress{37, 14, false};
constexpr Field kOutputRows{51, 10, false};
constexpr Field kOutputColumns{61, 10, false};
constexpr Field kBlocks{71, 9, false};
constexpr Field kInputRows{80, 10, false};
constexpr Field kInputColumns{90, 10, false};
constexpr Field kKernelRows{100, 6, false};
constexpr Field kKernelColumns{106, 6, false};
constexpr Field kStrideRows{112, 3, false};
constexpr Field kStrideColumns{115, 3, false};
constexpr Field kDilationRows{118, 5, false};
constexpr Field kDilationColumns{123, 5, false};
constexpr Field kPadTop{128, 6, false};
constexpr Field kPadLeft{134, 6, false};
constexpr Field kInputRowPitch{140, 9, false};
constexpr Field kInputBlockPitch{149, 14, false};
constexpr Field kOutputRowPitch{163, 9, false};
constexpr Field kOutputBlockPitch{172, 14, false};
constexpr Field kPadValue{186, 8, true};
constexpr Field kMinimum{194, 8, true};
constexpr Field kMaximum{202, 8, true};
constexpr Field kUpsampleRows{210, 4, false};
constexpr Field kUpsampleColumns{214, 4, false};
constexpr Field kTable{218, 3, false};
constexpr Field kAll[] = {kInputAddress, kOutputAddress, kOutputRows, kOutputColumns, kBlocks, kInputRows, kInputColumns, kKernelRows, kKernelColumns, kStrideRows, kStrideColumns, kDilationRows, kDilationColumns, kPadTop, kPadLeft, kInputRowPitch, kInputBlockPitch, kOutputRowPitch, kOutputBlockPitch, kPadValue, kMinimum, kMaximum, kUpsampleRows, kUpsampleColumns, kTable};
}  // namespace pool

namespace addition {
constexpr Field kFirstAddress{23, 14, false};
constexpr Field kSecondAddress{37, 14, false};
constexpr Field kOutputAddress{51, 14, false};
constexpr Field kRows{65, 10, false};
constexpr Field kColumns{75, 10, false};
constexpr Field kBlocks{85, 9, false};
constexpr Field kFirstRowPitch{94, 9, false};
constexpr Field kFirstBlockPitch{103, 14, false};
constexpr Field kSecondRowPitch{117, 9, false};
constexpr Field kSecondBlockPitch{126, 14, false};
constexpr Field kOutputRowPitch{140, 9, false};
constexpr Field kOutputBlockPitch{149, 14, false};
constexpr Field kBroadcast{163, 1, false};
constexpr Field kFirstTable{164, 3, false};
constexpr Field kSecondTable{167, 3, false};
constexpr Field kShift{170, 5, false};
constexpr Field kWindow{175, 4, false};
constexpr Field kOutputZeroPoint{179, 8, true};
constexpr Field kMinimum{187, 8, true};
constexpr Field kMaximum{195, 8, true};
constexpr Field kAll[] = {kFirstAddress, kSecondAddress, kOutputAddress, kRows, kColumns, kBlocks, kFirstRowPitch, kFirstBlockPitch, kSecondRowPitch, kSecondBlockPitch, kOutputRowPitch, kOutputBlockPitch, kBroadcast, kFirstTable, kSecondTable, kShift, kWindow, kOutputZeroPoint, kMinimum, kMaximum};
}  // namespace addition

namespace multiplication {
constexpr Field kFirstAddress{23, 14, false};
constexpr Field kSecondAddress{37, 14, false};
constexpr Field kOutputAddress{51, 14, false};
constexpr Field kRows{65, 10, false};
constexpr Field kColumns{75, 10, false};
constexpr Field kBlocks{85, 9, false};
constexpr Field kFirstRowPitch{94, 9, false};
constexpr Field kFirstBlockPitch{103, 14, false};
constexpr Field kSecondRowPitch{117, 9, false};
constexpr Field kSecondBlockPitch{126, 14, false};
constexpr Field kOutputRowPitch{140, 9, false};
constexpr Field kOutputBlockPitch{149, 14, false};
constexpr Field kBroadcast{163, 1, false};
constexpr Field kFirstZeroPoint{164, 8, true};
constexpr Field kSecondZeroPoint{172, 8, true};
constexpr Field kMultiplier{180, 24, false};
constexpr Field kShift{204, 6, false};
constexpr Field kOutputZeroPoint{210, 8, true};
constexpr Field kMinimum{218, 8, true};
constexpr Field kMaximum{226, 8, true};
constexpr Field kAll[] = {kFirstAddress, kSecondAddress, kOutputAddress, kRows, kColumns, kBlocks, kFirstRowPitch, kFirstBlockPitch, kSecondRowPitch, kSecondBlockPitch, kOutputRowPitch, kOutputBlockPitch, kBroadcast, kFirstZeroPoint, kSecondZeroPoint, kMultiplier, kShift, kOutputZeroPoint, kMinimum, kMaximum};
}  // namespace multiplication

}  // namespace isa
}  // namespace sluice

#endif  // SLUICE_HLS_ISA_GENERATED_INSTRUCTIONS_HPP_
