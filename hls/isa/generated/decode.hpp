// Written by scripts/generate-npu-constants.mjs from hls/isa/instructions.json; change that and run it again.
#ifndef SLUICE_HLS_ISA_GENERATED_DECODE_HPP_
#define SLUICE_HLS_ISA_GENERATED_DECODE_HPP_

#include <cstdint>

#include "hls/isa/extract.hpp"
#include "hls/isa/generated/instructions.hpp"

namespace sluice {
namespace isa {

// The unit that runs an operation; false when there is no such operation.
inline bool UnitOf(std::uint32_t operation, Unit& unit) {
  switch (static_cast<Operation>(operation)) {
    case Operation::kLoad:
      unit = Unit::kLoad;
      return true;
    case Operation::kStore:
      unit = Unit::kStore;
      return true;
    case Operation::kConvolve:
      unit = Unit::kExecute;
      return true;
    case Operation::kPool:
      unit = Unit::kExecute;
      return true;
    case Operation::kAdd:
      unit = Unit::kExecute;
      return true;
    case Operation::kMultiply:
      unit = Unit::kExecute;
      return true;
    case Operation::kFinish:
      unit = Unit::kStore;
      return true;
  }
  return false;
}

struct Header {
  std::uint32_t operation;  // Code of the operation.
  std::uint32_t pop_previous;  // Takes a token from the previous unit first.
  std::uint32_t pop_next;  // Takes a token from the next unit first.
  std::uint32_t push_previous;  // Hands a token to the previous unit when done.
  std::uint32_t push_next;  // Hands a token to the next unit when done.
  std::uint32_t layer;  // Index of the layer it belongs to, for traces.
};

inline Header DecodeHeader(const InstructionWords& words) {
  Header fields{};
  fields.operation = Extract<0, 5>(words);
  fields.pop_previous = Extract<5, 1>(words);
  fields.pop_next = Extract<6, 1>(words);
  fields.push_previous = Extract<7, 1>(words);
  fields.push_next = Extract<8, 1>(words);
  fields.layer = Extract<9, 14>(words);
  return fields;
}

struct Transfer {
  std::uint32_t region;  // Off-chip region.
  std::uint32_t memory;  // On-chip memory.
  std::uint32_t dram_offset;  // First beat within the region.
  std::uint32_t address;  // First line (ACTIVATION), tile (WEIGHT), channel block (PARAMETER) or slot (TABLE).
  std::uint32_t columns;  // Words of a row; 1 for other memories than ACTIVATION.
  std::uint32_t rows;  // Rows of a block (ACTIVATION), or tiles, channel blocks, slots in sequence.
  std::uint32_t blocks;  // Channel blocks; 1 for other memories than ACTIVATION.
  std::uint32_t dram_row_pitch;  // Beats from one row to the next; 0 for other memories than ACTIVATION.
  std::uint32_t dram_block_pitch;  // Beats from one block to the next; 0 for other memories than ACTIVATION.
  std::uint32_t row_pitch;  // Lines from one row to the next; 0 for other memories than ACTIVATION.
  std::uint32_t block_pitch;  // Lines from one block to the next; 0 for other memories than ACTIVATION.
};

inline Transfer DecodeTransfer(const InstructionWords& words) {
  Transfer fields{};
  fields.region = Extract<23, 3>(words);
  fields.memory = Extract<26, 3>(words);
  fields.dram_offset = Extract<29, 32>(words);
  fields.address = Extract<61, 14>(words);
  fields.columns = Extract<75, 14>(words);
  fields.rows = Extract<89, 14>(words);
  fields.blocks = Extract<103, 10>(words);
  fields.dram_row_pitch = Extract<113, 16>(words);
  fields.dram_block_pitch = Extract<129, 24>(words);
  fields.row_pitch = Extract<153, 9>(words);
  fields.block_pitch = Extract<162, 14>(words);
  return fields;
}

struct Convolution {
  std::uint32_t input_address;  // First line of the input.
  std::uint32_t weight_address;  // First tile of the weights.
  std::uint32_t parameter_address;  // First channel block of the parameters.
  std::uint32_t output_address;  // First line of the output.
  std::uint32_t output_rows;  // Rows of the output.
  std::uint32_t output_columns;  // Columns of the output.
  std::uint32_t output_blocks;  // Channel blocks of the output.
  std::uint32_t input_blocks;  // Channel blocks that one sum covers; 1 when depthwise.
  std::uint32_t input_rows;  // Rows of the input; a tap outside reads padValue.
  std::uint32_t input_columns;  // Columns of the input; a tap outside reads padValue.
  std::uint32_t kernel_rows;  // Rows of the kernel.
  std::uint32_t kernel_columns;  // Columns of the kernel.
  std::uint32_t stride_rows;  // Input rows from one output row to the next.
  std::uint32_t stride_columns;  // Input columns from one output column to the next.
  std::uint32_t dilation_rows;  // Input rows from one tap to the next.
  std::uint32_t dilation_columns;  // Input columns from one tap to the next.
  std::uint32_t pad_top;  // Rows of padding before the first input row.
  std::uint32_t pad_left;  // Columns of padding before the first input column.
  std::uint32_t input_row_pitch;  // Lines from one input row to the next.
  std::uint32_t input_block_pitch;  // Lines from one input block to the next.
  std::uint32_t output_row_pitch;  // Lines from one output row to the next.
  std::uint32_t output_block_pitch;  // Lines from one output block to the next.
  std::int32_t pad_value;  // What a tap outside the input reads: the input's zero point.
  std::int32_t output_zero_point;  // Added after the rounding.
  std::int32_t minimum;  // Least output.
  std::int32_t maximum;  // Greatest output.
  std::uint32_t depthwise;  // Output channel c reads input channel c alone.
  std::uint32_t table;  // 0, or 1 + the slot of the table that maps each output.
};

inline Convolution DecodeConvolution(const InstructionWords& words) {
  Convolution fields{};
  fields.input_address = Extract<23, 14>(words);
  fields.weight_address = Extract<37, 14>(words);
  fields.parameter_address = Extract<51, 10>(words);
  fields.output_address = Extract<61, 14>(words);
  fields.output_rows = Extract<75, 10>(words);
  fields.output_columns = Extract<85, 10>(words);
  fields.output_blocks = Extract<95, 8>(words);
  fields.input_blocks = Extract<103, 9>(words);
  fields.input_rows = Extract<112, 10>(words);
  fields.input_columns = Extract<122, 10>(words);
  fields.kernel_rows = Extract<132, 6>(words);
  fields.kernel_columns = Extract<138, 6>(words);
  fields.stride_rows = Extract<144, 3>(words);
  fields.stride_columns = Extract<147, 3>(words);
  fields.dilation_rows = Extract<150, 5>(words);
  fields.dilation_columns = Extract<155, 5>(words);
  fields.pad_top = Extract<160, 6>(words);
  fields.pad_left = Extract<166, 6>(words);
  fields.input_row_pitch = Extract<172, 9>(words);
  fields.input_block_pitch = Extract<181, 14>(words);
  fields.output_row_pitch = Extract<195, 9>(words);
  fields.output_block_pitch = Extract<204, 14>(words);
  fields.pad_value = ExtractSigned<218, 8>(words);
  fields.output_zero_point = ExtractSigned<226, 8>(words);
  fields.minimum = ExtractSigned<234, 8>(words);
  fields.maximum = ExtractSigned<242, 8>(words);
  fields.depthwise = Extract<250, 1>(words);
  fields.table = Extract<251, 3>(words);
  return fields;
}

struct Pool {
  std::uint32_t input_address;  // First line of the input.
  std::uint32_t output_address;  // First line of the output.
  std::uint32_t output_rows;  // Rows of the output.
  std::uint32_t output_columns;  // Columns of the output.
  std::uint32_t blocks;  // Channel blocks of input and output.
  std::uint32_t input_rows;  // Rows of the input; a tap outside reads padValue.
  std::uint32_t input_columns;  // Columns of the input; a tap outside reads padValue.
  std::uint32_t kernel_rows;  // Rows of the window.
  std::uint32_t kernel_columns;  // Columns of the window.
  std::uint32_t stride_rows;  // Input rows from one output row to the next.
  std::uint32_t stride_columns;  // Input columns from one output column to the next.
  std::uint32_t dilation_rows;  // Input rows from one tap to the next.
  std::uint32_t dilation_columns;  // Input columns from one tap to the next.
  std::uint32_t pad_top;  // Rows of padding before the first input row.
  std::uint32_t pad_left;  // Columns of padding before the first input column.
  std::uint32_t input_row_pitch;  // Lines from one input row to the next.
  std::uint32_t input_block_pitch;  // Lines from one input block to the next.
  std::uint32_t output_row_pitch;  // Lines from one output row to the next.
  std::uint32_t output_block_pitch;  // Lines from one output block to the next.
  std::int32_t pad_value;  // What a tap outside the input reads: -128 for a maximum, the zero point for Pad.
  std::int32_t minimum;  // Least output.
  std::int32_t maximum;  // Greatest output.
  std::uint32_t upsample_rows;  // Times that each input row is repeated (nearest resize); above 1 only with a kernel of 1 row.
  std::uint32_t upsample_columns;  // Times that each input column is repeated; above 1 only with a kernel of 1 column.
  std::uint32_t table;  // 0, or 1 + the slot of the table that maps each output.
};

inline Pool DecodePool(const InstructionWords& words) {
  Pool fields{};
  fields.input_address = Extract<23, 14>(words);
  fields.output_address = Extract<37, 14>(words);
  fields.output_rows = Extract<51, 10>(words);
  fields.output_columns = Extract<61, 10>(words);
  fields.blocks = Extract<71, 9>(words);
  fields.input_rows = Extract<80, 10>(words);
  fields.input_columns = Extract<90, 10>(words);
  fields.kernel_rows = Extract<100, 6>(words);
  fields.kernel_columns = Extract<106, 6>(words);
  fields.stride_rows = Extract<112, 3>(words);
  fields.stride_columns = Extract<115, 3>(words);
  fields.dilation_rows = Extract<118, 5>(words);
  fields.dilation_columns = Extract<123, 5>(words);
  fields.pad_top = Extract<128, 6>(words);
  fields.pad_left = Extract<134, 6>(words);
  fields.input_row_pitch = Extract<140, 9>(words);
  fields.input_block_pitch = Extract<149, 14>(words);
  fields.output_row_pitch = Extract<163, 9>(words);
  fields.output_block_pitch = Extract<172, 14>(words);
  fields.pad_value = ExtractSigned<186, 8>(words);
  fields.minimum = ExtractSigned<194, 8>(words);
  fields.maximum = ExtractSigned<202, 8>(words);
  fields.upsample_rows = Extract<210, 4>(words);
  fields.upsample_columns = Extract<214, 4>(words);
  fields.table = Extract<218, 3>(words);
  return fields;
}

struct Addition {
  std::uint32_t first_address;  // First line of the first operand.
  std::uint32_t second_address;  // First line of the second operand.
  std::uint32_t output_address;  // First line of the output.
  std::uint32_t rows;  // Rows of the output.
  std::uint32_t columns;  // Columns of the output.
  std::uint32_t blocks;  // Channel blocks.
  std::uint32_t first_row_pitch;  // Lines from one row of the first operand to the next.
  std::uint32_t first_block_pitch;  // Lines from one block of the first operand to the next.
  std::uint32_t second_row_pitch;  // Lines from one row of the second operand to the next.
  std::uint32_t second_block_pitch;  // Lines from one block of the second operand to the next.
  std::uint32_t output_row_pitch;  // Lines from one output row to the next.
  std::uint32_t output_block_pitch;  // Lines from one output block to the next.
  std::uint32_t broadcast;  // Every pixel takes row 0, column 0 of the second operand.
  std::uint32_t first_table;  // Slot of the first operand's terms.
  std::uint32_t second_table;  // Slot of the second operand's terms.
  std::uint32_t shift;  // Fraction bits F of the terms, 1 to 30.
  std::uint32_t window;  // How far from one half a rest still counts as a tie.
  std::int32_t output_zero_point;  // Added after the rounding.
  std::int32_t minimum;  // Least output.
  std::int32_t maximum;  // Greatest output.
};

inline Addition DecodeAddition(const InstructionWords& words) {
  Addition fields{};
  fields.first_address = Extract<23, 14>(words);
  fields.second_address = Extract<37, 14>(words);
  fields.output_address = Extract<51, 14>(words);
  fields.rows = Extract<65, 10>(words);
  fields.columns = Extract<75, 10>(words);
  fields.blocks = Extract<85, 9>(words);
  fields.first_row_pitch = Extract<94, 9>(words);
  fields.first_block_pitch = Extract<103, 14>(words);
  fields.second_row_pitch = Extract<117, 9>(words);
  fields.second_block_pitch = Extract<126, 14>(words);
  fields.output_row_pitch = Extract<140, 9>(words);
  fields.output_block_pitch = Extract<149, 14>(words);
  fields.broadcast = Extract<163, 1>(words);
  fields.first_table = Extract<164, 3>(words);
  fields.second_table = Extract<167, 3>(words);
  fields.shift = Extract<170, 5>(words);
  fields.window = Extract<175, 4>(words);
  fields.output_zero_point = ExtractSigned<179, 8>(words);
  fields.minimum = ExtractSigned<187, 8>(words);
  fields.maximum = ExtractSigned<195, 8>(words);
  return fields;
}

struct Multiplication {
  std::uint32_t first_address;  // First line of the first operand.
  std::uint32_t second_address;  // First line of the second operand.
  std::uint32_t output_address;  // First line of the output.
  std::uint32_t rows;  // Rows of the output.
  std::uint32_t columns;  // Columns of the output.
  std::uint32_t blocks;  // Channel blocks.
  std::uint32_t first_row_pitch;  // Lines from one row of the first operand to the next.
  std::uint32_t first_block_pitch;  // Lines from one block of the first operand to the next.
  std::uint32_t second_row_pitch;  // Lines from one row of the second operand to the next.
  std::uint32_t second_block_pitch;  // Lines from one block of the second operand to the next.
  std::uint32_t output_row_pitch;  // Lines from one output row to the next.
  std::uint32_t output_block_pitch;  // Lines from one output block to the next.
  std::uint32_t broadcast;  // Every pixel takes row 0, column 0 of the second operand.
  std::int32_t first_zero_point;  // Zero point of the first operand.
  std::int32_t second_zero_point;  // Zero point of the second operand.
  std::uint32_t multiplier;  // scale = multiplier * 2^-shift.
  std::uint32_t shift;  // 1 to 63.
  std::int32_t output_zero_point;  // Added after the rounding.
  std::int32_t minimum;  // Least output.
  std::int32_t maximum;  // Greatest output.
};

inline Multiplication DecodeMultiplication(const InstructionWords& words) {
  Multiplication fields{};
  fields.first_address = Extract<23, 14>(words);
  fields.second_address = Extract<37, 14>(words);
  fields.output_address = Extract<51, 14>(words);
  fields.rows = Extract<65, 10>(words);
  fields.columns = Extract<75, 10>(words);
  fields.blocks = Extract<85, 9>(words);
  fields.first_row_pitch = Extract<94, 9>(words);
  fields.first_block_pitch = Extract<103, 14>(words);
  fields.second_row_pitch = Extract<117, 9>(words);
  fields.second_block_pitch = Extract<126, 14>(words);
  fields.output_row_pitch = Extract<140, 9>(words);
  fields.output_block_pitch = Extract<149, 14>(words);
  fields.broadcast = Extract<163, 1>(words);
  fields.first_zero_point = ExtractSigned<164, 8>(words);
  fields.second_zero_point = ExtractSigned<172, 8>(words);
  fields.multiplier = Extract<180, 24>(words);
  fields.shift = Extract<204, 6>(words);
  fields.output_zero_point = ExtractSigned<210, 8>(words);
  fields.minimum = ExtractSigned<218, 8>(words);
  fields.maximum = ExtractSigned<226, 8>(words);
  return fields;
}

}  // namespace isa
}  // namespace sluice

#endif  // SLUICE_HLS_ISA_GENERATED_DECODE_HPP_
