// Written by scripts/generate-npu-constants.mjs from hls/isa/instructions.json; change that and run it again.
#ifndef SLUICE_HLS_ISA_GENERATED_ASSEMBLE_HPP_
#define SLUICE_HLS_ISA_GENERATED_ASSEMBLE_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"

namespace sluice {
namespace isa {

inline InstructionWords AssembleLoad(const Transfer& fields) {
  InstructionWords words{};
  Place(words, header::kOperation, static_cast<std::int64_t>(Operation::kLoad));
  Place(words, transfer::kRegion, fields.region);
  Place(words, transfer::kMemory, fields.memory);
  Place(words, transfer::kDramOffset, fields.dram_offset);
  Place(words, transfer::kAddress, fields.address);
  Place(words, transfer::kColumns, fields.columns);
  Place(words, transfer::kRows, fields.rows);
  Place(words, transfer::kBlocks, fields.blocks);
  Place(words, transfer::kDramRowPitch, fields.dram_row_pitch);
  Place(words, transfer::kDramBlockPitch, fields.dram_block_pitch);
  Place(words, transfer::kRowPitch, fields.row_pitch);
  Place(words, transfer::kBlockPitch, fields.block_pitch);
  return words;
}

inline InstructionWords AssembleStore(const Transfer& fields) {
  InstructionWords words{};
  Place(words, header::kOperation, static_cast<std::int64_t>(Operation::kStore));
  Place(words, transfer::kRegion, fields.region);
  Place(words, transfer::kMemory, fields.memory);
  Place(words, transfer::kDramOffset, fields.dram_offset);
  Place(words, transfer::kAddress, fields.address);
  Place(words, transfer::kColumns, fields.columns);
  Place(words, transfer::kRows, fields.rows);
  Place(words, transfer::kBlocks, fields.blocks);
  Place(words, transfer::kDramRowPitch, fields.dram_row_pitch);
  Place(words, transfer::kDramBlockPitch, fields.dram_block_pitch);
  Place(words, transfer::kRowPitch, fields.row_pitch);
  Place(words, transfer::kBlockPitch, fields.block_pitch);
  return words;
}

inline InstructionWords AssembleConvolve(const Convolution& fields) {
  InstructionWords words{};
  Place(words, header::kOperation, static_cast<std::int64_t>(Operation::kConvolve));
  Place(words, convolution::kInputAddress, fields.input_address);
  Place(words, convolution::kWeightAddress, fields.weight_address);
  Place(words, convolution::kParameterAddress, fields.parameter_address);
  Place(words, convolution::kOutputAddress, fields.output_address);
  Place(words, convolution::kOutputRows, fields.output_rows);
  Place(words, convolution::kOutputColumns, fields.output_columns);
  Place(words, convolution::kOutputBlocks, fields.output_blocks);
  Place(words, convolution::kInputBlocks, fields.input_blocks);
  Place(words, convolution::kInputRows, fields.input_rows);
  Place(words, convolution::kInputColumns, fields.input_columns);
  Place(words, convolution::kKernelRows, fields.kernel_rows);
  Place(words, convolution::kKernelColumns, fields.kernel_columns);
  Place(words, convolution::kStrideRows, fields.stride_rows);
  Place(words, convolution::kStrideColumns, fields.stride_columns);
  Place(words, convolution::kDilationRows, fields.dilation_rows);
  Place(words, convolution::kDilationColumns, fields.dilation_columns);
  Place(words, convolution::kPadTop, fields.pad_top);
  Place(words, convolution::kPadLeft, fields.pad_left);
  Place(words, convolution::kInputRowPitch, fields.input_row_pitch);
  Place(words, convolution::kInputBlockPitch, fields.input_block_pitch);
  Place(words, convolution::kOutputRowPitch, fields.output_row_pitch);
  Place(words, convolution::kOutputBlockPitch, fields.output_block_pitch);
  Place(words, convolution::kPadValue, fields.pad_value);
  Place(words, convolution::kOutputZeroPoint, fields.output_zero_point);
  Place(words, convolution::kMinimum, fields.minimum);
  Place(words, convolution::kMaximum, fields.maximum);
  Place(words, convolution::kDepthwise, fields.depthwise);
  Place(words, convolution::kTable, fields.table);
  return words;
}

inline InstructionWords AssemblePool(const Pool& fields) {
  InstructionWords words{};
  Place(words, header::kOperation, static_cast<std::int64_t>(Operation::kPool));
  Place(words, pool::kInputAddress, fields.input_address);
  Place(words, pool::kOutputAddress, fields.output_address);
  Place(words, pool::kOutputRows, fields.output_rows);
  Place(words, pool::kOutputColumns, fields.output_columns);
  Place(words, pool::kBlocks, fields.blocks);
  Place(words, pool::kInputRows, fields.input_rows);
  Place(words, pool::kInputColumns, fields.input_columns);
  Place(words, pool::kKernelRows, fields.kernel_rows);
  Place(words, pool::kKernelColumns, fields.kernel_columns);
  Place(words, pool::kStrideRows, fields.stride_rows);
  Place(words, pool::kStrideColumns, fields.stride_columns);
  Place(words, pool::kDilationRows, fields.dilation_rows);
  Place(words, pool::kDilationColumns, fields.dilation_columns);
  Place(words, pool::kPadTop, fields.pad_top);
  Place(words, pool::kPadLeft, fields.pad_left);
  Place(words, pool::kInputRowPitch, fields.input_row_pitch);
  Place(words, pool::kInputBlockPitch, fields.input_block_pitch);
  Place(words, pool::kOutputRowPitch, fields.output_row_pitch);
  Place(words, pool::kOutputBlockPitch, fields.output_block_pitch);
  Place(words, pool::kPadValue, fields.pad_value);
  Place(words, pool::kMinimum, fields.minimum);
  Place(words, pool::kMaximum, fields.maximum);
  Place(words, pool::kUpsampleRows, fields.upsample_rows);
  Place(words, pool::kUpsampleColumns, fields.upsample_columns);
  Place(words, pool::kTable, fields.table);
  return words;
}

inline InstructionWords AssembleAdd(const Addition& fields) {
  InstructionWords words{};
  Place(words, header::kOperation, static_cast<std::int64_t>(Operation::kAdd));
  Place(words, addition::kFirstAddress, fields.first_address);
  Place(words, addition::kSecondAddress, fields.second_address);
  Place(words, addition::kOutputAddress, fields.output_address);
  Place(words, addition::kRows, fields.rows);
  Place(words, addition::kColumns, fields.columns);
  Place(words, addition::kBlocks, fields.blocks);
  Place(words, addition::kFirstRowPitch, fields.first_row_pitch);
  Place(words, addition::kFirstBlockPitch, fields.first_block_pitch);
  Place(words, addition::kSecondRowPitch, fields.second_row_pitch);
  Place(words, addition::kSecondBlockPitch, fields.second_block_pitch);
  Place(words, addition::kOutputRowPitch, fields.output_row_pitch);
  Place(words, addition::kOutputBlockPitch, fields.output_block_pitch);
  Place(words, addition::kBroadcast, fields.broadcast);
  Place(words, addition::kFirstTable, fields.first_table);
  Place(words, addition::kSecondTable, fields.second_table);
  Place(words, addition::kShift, fields.shift);
  Place(words, addition::kWindow, fields.window);
  Place(words, addition::kOutputZeroPoint, fields.output_zero_point);
  Place(words, addition::kMinimum, fields.minimum);
  Place(words, addition::kMaximum, fields.maximum);
  return words;
}

inline InstructionWords AssembleMultiply(const Multiplication& fields) {
  InstructionWords words{};
  Place(words, header::kOperation, static_cast<std::int64_t>(Operation::kMultiply));
  Place(words, multiplication::kFirstAddress, fields.first_address);
  Place(words, multiplication::kSecondAddress, fields.second_address);
  Place(words, multiplication::kOutputAddress, fields.output_address);
  Place(words, multiplication::kRows, fields.rows);
  Place(words, multiplication::kColumns, fields.columns);
  Place(words, multiplication::kBlocks, fields.blocks);
  Place(words, multiplication::kFirstRowPitch, fields.first_row_pitch);
  Place(words, multiplication::kFirstBlockPitch, fields.first_block_pitch);
  Place(words, multiplication::kSecondRowPitch, fields.second_row_pitch);
  Place(words, multiplication::kSecondBlockPitch, fields.second_block_pitch);
  Place(words, multiplication::kOutputRowPitch, fields.output_row_pitch);
  Place(words, multiplication::kOutputBlockPitch, fields.output_block_pitch);
  Place(words, multiplication::kBroadcast, fields.broadcast);
  Place(words, multiplication::kFirstZeroPoint, fields.first_zero_point);
  Place(words, multiplication::kSecondZeroPoint, fields.second_zero_point);
  Place(words, multiplication::kMultiplier, fields.multiplier);
  Place(words, multiplication::kShift, fields.shift);
  Place(words, multiplication::kOutputZeroPoint, fields.output_zero_point);
  Place(words, multiplication::kMinimum, fields.minimum);
  Place(words, multiplication::kMaximum, fields.maximum);
  return words;
}

inline InstructionWords AssembleFinish() {
  InstructionWords words{};
  Place(words, header::kOperation, static_cast<std::int64_t>(Operation::kFinish));
  return words;
}

}  // namespace isa
}  // namespace sluice

#endif  // SLUICE_HLS_ISA_GENERATED_ASSEMBLE_HPP_
