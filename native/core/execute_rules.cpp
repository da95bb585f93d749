#include "native/core/execute_rules.hpp"

#include <cstdint>
#include <initializer_list>

namespace sluice {
namespace {

// The one shift that ADD does not have in common with the requantiser: its terms have 31 bits.
constexpr std::uint32_t kAdditionShiftMax = 30;

// An operand in activation memory.
struct Operand {
  Tensor tensor;
  // Each word is read just before the output's word of the same place is written, and never again.
  bool word_by_word;
};

bool AnyZero(std::initializer_list<std::uint32_t> values) {
  for (const std::uint32_t value : values) {
    if (value == 0) return true;
  }
  return false;
}

bool Fits(const Tensor& tensor, const Hardware& hardware) {
  return tensor.Lines(hardware).end() <= hardware.activation_lines;
}

bool SamePlace(const Tensor& left, const Tensor& right) {
  return left.address == right.address && left.rows.pitch == right.rows.pitch &&
         left.blocks.pitch == right.blocks.pitch;
}

// Bounds of an operand, and that the output does not run over it.
Reason CheckOperand(const Operand& operand, const Tensor& output, const Hardware& hardware) {
  if (!Fits(operand.tensor, hardware)) return "an operand lies beyond activation memory";
  if (operand.word_by_word && SamePlace(operand.tensor, output)) return kAccepted;
  const WordPattern read = operand.tensor.Lines(hardware);
  const WordPattern written = output.Lines(hardware);
  const bool meet = read.first < written.end() && written.first < read.end();
  return meet ? "the output meets an operand" : kAccepted;
}

Reason CheckOutput(const Tensor& output, const Hardware& hardware) {
  if (!Fits(output, hardware)) return "the output lies beyond activation memory";
  if (output.Lines(hardware).Overlaps()) return "rows or blocks of the output overlap";
  return kAccepted;
}

Reason ReadOperand(const Operand& operand, const Hardware& hardware, MemoryState* state) {
  return state->Read(state->activation, operand.tensor.Words(hardware),
                     "reads an activation word that was never written");
}

// `count` items of WEIGHT, PARAMETER or TABLE.
Reason ReadItems(const WrittenMap& map, std::uint64_t size, std::uint64_t first,
                 std::uint64_t count, MemoryState* state) {
  if (first >= size || count > size - first) return "reads beyond WEIGHT, PARAMETER or TABLE";
  return state->Read(map, WordPattern{first, count, {}, {}},
                     "reads a tile, channel block or table that was never loaded");
}

// The table of an output, when it has one.
Reason ReadTable(std::uint32_t table, const Hardware& hardware, MemoryState* state) {
  if (table == 0) return kAccepted;
  return ReadItems(state->table, hardware.table_slots, table - 1, 1, state);
}

Reason ReadWeights(const isa::Convolution& fields, const Hardware& hardware, MemoryState* state) {
  const std::uint64_t taps = std::uint64_t{fields.kernel_rows} * fields.kernel_columns;
  const std::uint64_t lanes = hardware.input_parallel;
  const std::uint64_t tiles =
      fields.depthwise != 0 ? (taps + lanes - 1) / lanes : taps * fields.input_blocks;
  const std::uint64_t products = fields.depthwise != 0 ? taps : taps * fields.input_blocks * lanes;
  if (products > isa::kProductsMax) return "a sum has more products than int32 holds";
  const Reason reason = ReadItems(state->weight, hardware.weight_tiles, fields.weight_address,
                                  tiles * fields.output_blocks, state);
  if (reason != kAccepted) return reason;
  return ReadItems(state->parameter, hardware.parameter_blocks, fields.parameter_address,
                   fields.output_blocks, state);
}

// What ADD and MULTIPLY have in common.
template <class Fields>
Reason CheckElementwise(const Fields& fields, const Hardware& hardware, MemoryState* state) {
  if (AnyZero({fields.rows, fields.columns, fields.blocks})) return "a size is 0";
  if (fields.minimum > fields.maximum) return "the minimum is above the maximum";
  const bool broadcast = fields.broadcast != 0;
  const Operand first{{fields.first_address,
                       fields.columns,
                       {fields.rows, fields.first_row_pitch},
                       {fields.blocks, fields.first_block_pitch}},
                      true};
  const Operand second{{fields.second_address,
                        broadcast ? 1 : fields.columns,
                        {broadcast ? 1 : fields.rows, fields.second_row_pitch},
                        {fields.blocks, fields.second_block_pitch}},
                       !broadcast};
  const Tensor output{fields.output_address,
                      fields.columns,
                      {fields.rows, fields.output_row_pitch},
                      {fields.blocks, fields.output_block_pitch}};
  Reason reason = CheckOutput(output, hardware);
  for (const Operand& operand : {first, second}) {
    if (reason == kAccepted) reason = CheckOperand(operand, output, hardware);
    if (reason == kAccepted) reason = ReadOperand(operand, hardware, state);
  }
  if (reason != kAccepted) return reason;
  return state->Write(&state->activation, output.Words(hardware));
}

// Kernel, stride, dilation and sizes, which CONVOLVE and POOL both have.
template <class Fields>
Reason CheckWindow(const Fields& fields) {
  if (AnyZero({fields.output_rows, fields.output_columns, fields.input_rows, fields.input_columns,
               fields.kernel_rows, fields.kernel_columns, fields.stride_rows, fields.stride_columns,
               fields.dilation_rows, fields.dilation_columns})) {
    return "a size, kernel, stride or dilation is 0";
  }
  return fields.minimum > fields.maximum ? "the minimum is above the maximum" : kAccepted;
}

template <class Fields>
Operand InputOf(const Fields& fields, std::uint64_t blocks, bool word_by_word) {
  return Operand{{fields.input_address,
                  fields.input_columns,
                  {fields.input_rows, fields.input_row_pitch},
                  {blocks, fields.input_block_pitch}},
                 word_by_word};
}

template <class Fields>
Tensor OutputOf(const Fields& fields, std::uint64_t blocks) {
  return Tensor{fields.output_address,
                fields.output_columns,
                {fields.output_rows, fields.output_row_pitch},
                {blocks, fields.output_block_pitch}};
}

// Input, output and table of CONVOLVE and POOL.
Reason CheckThrough(const Operand& input, const Tensor& output, std::uint32_t table,
                    const Hardware& hardware, MemoryState* state) {
  Reason reason = CheckOutput(output, hardware);
  if (reason == kAccepted) reason = CheckOperand(input, output, hardware);
  if (reason == kAccepted) reason = ReadOperand(input, hardware, state);
  if (reason == kAccepted) reason = ReadTable(table, hardware, state);
  if (reason != kAccepted) return reason;
  return state->Write(&state->activation, output.Words(hardware));
}

}  // namespace

Reason CheckConvolution(const isa::Convolution& fields, const Hardware& hardware,
                        MemoryState* state) {
  Reason reason = CheckWindow(fields);
  if (reason != kAccepted) return reason;
  if (AnyZero({fields.output_blocks, fields.input_blocks})) return "a number of blocks is 0";
  const bool depthwise = fields.depthwise != 0;
  if (depthwise && fields.input_blocks != 1) return "inputBlocks is not 1 though depthwise";
  reason = ReadWeights(fields, hardware, state);
  if (reason != kAccepted) return reason;
  const std::uint32_t blocks = depthwise ? fields.output_blocks : fields.input_blocks;
  return CheckThrough(InputOf(fields, blocks, false), OutputOf(fields, fields.output_blocks),
                      fields.table, hardware, state);
}

Reason CheckPool(const isa::Pool& fields, const Hardware& hardware, MemoryState* state) {
  const Reason reason = CheckWindow(fields);
  if (reason != kAccepted) return reason;
  if (AnyZero({fields.blocks, fields.upsample_rows, fields.upsample_columns})) {
    return "a number of blocks or an upsample is 0";
  }
  if ((fields.upsample_rows > 1 && (fields.kernel_rows > 1 || fields.stride_rows > 1)) ||
      (fields.upsample_columns > 1 && (fields.kernel_columns > 1 || fields.stride_columns > 1))) {
    return "an upsample above 1 in a direction whose kernel or stride is above 1";
  }
  const bool copies = fields.kernel_rows == 1 && fields.kernel_columns == 1 &&
                      fields.stride_rows == 1 && fields.stride_columns == 1 &&
                      fields.upsample_rows == 1 && fields.upsample_columns == 1 &&
                      fields.pad_top == 0 && fields.pad_left == 0;
  return CheckThrough(InputOf(fields, fields.blocks, copies), OutputOf(fields, fields.blocks),
                      fields.table, hardware, state);
}

Reason CheckAddition(const isa::Addition& fields, const Hardware& hardware, MemoryState* state) {
  if (fields.shift < isa::kShiftMin || fields.shift > kAdditionShiftMax) {
    return "a shift out of range";
  }
  for (const std::uint32_t slot : {fields.first_table, fields.second_table}) {
    const Reason reason = ReadItems(state->table, hardware.table_slots, slot, 1, state);
    if (reason != kAccepted) return reason;
  }
  return CheckElementwise(fields, hardware, state);
}

Reason CheckMultiplication(const isa::Multiplication& fields, const Hardware& hardware,
                           MemoryState* state) {
  if (fields.shift < isa::kShiftMin || fields.shift > isa::kShiftMax) {
    return "a shift out of range";
  }
  return CheckElementwise(fields, hardware, state);
}

}  // namespace sluice
