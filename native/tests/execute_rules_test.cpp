// What the loader refuses of CONVOLVE, POOL, ADD and MULTIPLY: each rule of hls/isa/README.md,
// broken alone.
#include "native/tests/rules_bench.hpp"

namespace {

using namespace sluice::testing;
namespace isa = sluice::isa;
namespace convolution = sluice::isa::convolution;
namespace pool = sluice::isa::pool;
namespace addition = sluice::isa::addition;
namespace multiplication = sluice::isa::multiplication;

constexpr auto kZero = " is 0";
constexpr auto kBounds = "the minimum is above the maximum";
constexpr auto kMeets = "the output meets an operand";
constexpr auto kOverlap = "rows or blocks of the output overlap";
constexpr auto kOutputBeyond = "the output lies beyond";
constexpr auto kOperandBeyond = "an operand lies beyond";
constexpr auto kUnwritten = "never written";
constexpr auto kUnloaded = "never loaded";
constexpr auto kItemsBeyond = "reads beyond WEIGHT, PARAMETER or TABLE";
constexpr std::int64_t kLines = 512;

void CheckConvolutionFields() {
  using namespace convolution;
  for (const isa::Field& field : {kOutputRows, kOutputColumns, kOutputBlocks, kInputBlocks,
                                  kInputRows, kInputColumns, kKernelRows, kKernelColumns,
                                  kStrideRows, kStrideColumns, kDilationRows, kDilationColumns}) {
    SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{field, 0}}), kZero));
  }
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kMinimum, 5}, {kMaximum, 4}}), kBounds));
  SLUICE_CHECK(Accepted(Changed(kConvolve, {{kMinimum, 5}, {kMaximum, 5}})));
  SLUICE_CHECK(RefusedFor(Changed(kConvolveDepthwise, {{kInputBlocks, 2}}), "though depthwise"));
  SLUICE_CHECK(
      RefusedFor(Changed(kConvolve, {{kKernelRows, 63}, {kKernelColumns, 63}, {kInputBlocks, 5}}),
                 "more products"));
  // 63 * 63 * 4 * 8 products are few enough, but there are not so many tiles.
  SLUICE_CHECK(
      RefusedFor(Changed(kConvolve, {{kKernelRows, 63}, {kKernelColumns, 63}, {kInputBlocks, 4}}),
                 kItemsBeyond));
}

void CheckConvolutionPlaces() {
  using namespace convolution;
  const SamplePlaces& places = CiPlaces();
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kInputAddress, kLines - 23}}), kOperandBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kInputBlockPitch, 511}}), kOperandBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kOutputAddress, kLines - 23}}), kOutputBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kOutputRowPitch, 2}}), kOverlap));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kOutputBlockPitch, 11}}), kOverlap));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kOutputAddress, places.convolved - 1}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kOutputAddress, 0}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kInputColumns, 6}}), kUnwritten));
  SLUICE_CHECK(
      RefusedFor(Changed(kConvolve, {{kInputAddress, 1}, {kOutputAddress, 100}}), kUnwritten));
  // Blocks beside rows, as channels last: more lines than there are rows, none twice.
  SLUICE_CHECK(
      RefusedFor(Changed(kConvolve, {{kOutputRowPitch, 5}, {kOutputBlockPitch, 3}}), kOverlap));
  const ProgramParts beside =
      Changed(kConvolve, {{kOutputAddress, 200}, {kOutputRowPitch, 6}, {kOutputBlockPitch, 3}});
  SLUICE_CHECK(RefusedFor(beside, kUnwritten) && RefusedFor(beside, "instruction 5"));
}

void CheckConvolutionItems() {
  using namespace convolution;
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kWeightAddress, 5}}), kUnloaded));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kWeightAddress, 256 - 35}}), kItemsBeyond));
  SLUICE_CHECK(Accepted(Changed(kConvolve, {{kWeightAddress, 4}})));
  SLUICE_CHECK(RefusedFor(Changed(kConvolveDepthwise, {{kWeightAddress, 37}}), kUnloaded));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kParameterAddress, 3}}), kUnloaded));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kParameterAddress, 31}}), kItemsBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kParameterAddress, 1023}}), kItemsBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kTable, 4}}), kUnloaded));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{kTable, 5}}), kItemsBeyond));
}

void CheckPools() {
  using namespace pool;
  for (const isa::Field& field :
       {kOutputRows, kOutputColumns, kBlocks, kInputRows, kInputColumns, kKernelRows,
        kKernelColumns, kStrideRows, kStrideColumns, kDilationRows, kDilationColumns, kUpsampleRows,
        kUpsampleColumns}) {
    SLUICE_CHECK(RefusedFor(Changed(kPool, {{field, 0}}), kZero));
  }
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kMinimum, 1}, {kMaximum, 0}}), kBounds));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kUpsampleRows, 2}}), "an upsample above 1"));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kUpsampleColumns, 2}}), "an upsample above 1"));
  SLUICE_CHECK(RefusedFor(Changed(kUpsample, {{kStrideRows, 2}}), "an upsample above 1"));
  SLUICE_CHECK(RefusedFor(Changed(kUpsample, {{kStrideColumns, 2}}), "an upsample above 1"));
  SLUICE_CHECK(Accepted(Changed(kUpsample, {{kUpsampleRows, 1}, {kStrideRows, 2}})));
  SLUICE_CHECK(Accepted(Changed(kUpsample, {{kUpsampleColumns, 1}, {kStrideColumns, 2}})));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kTable, 5}}), kItemsBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kTable, 4}}), kUnloaded));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kInputAddress, kLines - 23}}), kOperandBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kOutputAddress, kLines - 7}}), kOutputBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kOutputRowPitch, 1}}), kOverlap));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{kInputBlockPitch, 20}}), kUnwritten));
}

// A copy may write onto what it reads; nothing that looks at neighbours may.
void CheckCopies() {
  using namespace pool;
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kKernelRows, 2}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kKernelColumns, 2}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kStrideRows, 2}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kStrideColumns, 2}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kUpsampleRows, 2}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kUpsampleColumns, 2}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kPadTop, 1}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kPadLeft, 1}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kOutputAddress, CiPlaces().product + 1}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kOutputRowPitch, 3}, {kOutputBlockPitch, 6}}), kMeets));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{kOutputBlockPitch, 5}}), kMeets));
}

void CheckAdditions() {
  using namespace addition;
  for (const isa::Field& field : {kRows, kColumns, kBlocks}) {
    SLUICE_CHECK(RefusedFor(Changed(kAdd, {{field, 0}}), kZero));
  }
  for (const int shift : {0, 31}) {
    SLUICE_CHECK(RefusedFor(Changed(kAdd, {{kShift, shift}}), "shift"));
  }
  SLUICE_CHECK(Accepted(Changed(kAdd, {{kShift, 30}, {kWindow, 15}})));
  SLUICE_CHECK(RefusedFor(Changed(kAdd, {{kMinimum, 1}, {kMaximum, 0}}), kBounds));
  for (const isa::Field& field : {kFirstTable, kSecondTable}) {
    SLUICE_CHECK(RefusedFor(Changed(kAdd, {{field, 3}}), kUnloaded));
    SLUICE_CHECK(RefusedFor(Changed(kAdd, {{field, 4}}), kItemsBeyond));
  }
  for (const isa::Field& field : {kFirstAddress, kSecondAddress}) {
    SLUICE_CHECK(RefusedFor(Changed(kAdd, {{field, kLines - 7}}), kOperandBeyond));
    SLUICE_CHECK(RefusedFor(Changed(kAdd, {{field, CiPlaces().upsampled}}), kUnwritten));
    SLUICE_CHECK(RefusedFor(Changed(kAdd, {{field, CiPlaces().reduced + 1}}), kMeets));
  }
  SLUICE_CHECK(RefusedFor(Changed(kAdd, {{kOutputAddress, kLines - 7}}), kOutputBeyond));
  SLUICE_CHECK(RefusedFor(Changed(kAdd, {{kOutputRowPitch, 1}}), kOverlap));
  // Onto its second operand, unless that is read again and again.
  const std::int64_t pooled = CiPlaces().pooled;
  SLUICE_CHECK(Accepted(Changed(kAdd, {{kOutputAddress, pooled}})));
  SLUICE_CHECK(RefusedFor(Changed(kAdd, {{kOutputAddress, pooled}, {kBroadcast, 1}}), kMeets));
}

void CheckMultiplications() {
  using namespace multiplication;
  SLUICE_CHECK(RefusedFor(Changed(kMultiply, {{kColumns, 0}}), kZero));
  SLUICE_CHECK(RefusedFor(Changed(kMultiply, {{kShift, 0}}), "shift"));
  SLUICE_CHECK(Accepted(Changed(kMultiply, {{kShift, 63}})));
  SLUICE_CHECK(RefusedFor(Changed(kMultiply, {{kMinimum, 1}, {kMaximum, 0}}), kBounds));
  SLUICE_CHECK(RefusedFor(Changed(kMultiply, {{kOutputAddress, CiPlaces().pooled}}), kMeets));
  // A broadcast operand is one word of each block, at its block pitch.
  SLUICE_CHECK(Accepted(Changed(kMultiply, {{kSecondRowPitch, 511}})));
  SLUICE_CHECK(
      RefusedFor(Changed(kMultiply, {{kOutputAddress, 200}, {kSecondBlockPitch, 20}}), kUnwritten));
  SLUICE_CHECK(
      RefusedFor(Changed(kMultiply, {{kSecondRowPitch, 511}, {kBroadcast, 0}}), kOperandBeyond));
}

// Reads may overlap and interleave.
void CheckOverlappingReads() {
  using namespace convolution;
  SLUICE_CHECK(Accepted(Changed(kConvolve, {{kInputRowPitch, 0}, {kInputBlockPitch, 0}})));
  SLUICE_CHECK(Accepted(Changed(kConvolve, {{kInputRowPitch, 3}, {kInputBlockPitch, 6}})));
}

}  // namespace

int main() {
  CheckConvolutionFields();
  CheckConvolutionPlaces();
  CheckConvolutionItems();
  CheckPools();
  CheckCopies();
  CheckAdditions();
  CheckMultiplications();
  CheckOverlappingReads();
  return sluice::testing::Finish();
}
