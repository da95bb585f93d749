// ADD and MULTIPLY.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "native/devices/simulator/execution.hpp"

namespace sluice::simulator {
namespace {

// Words of a broadcast operand that are written out at once.
constexpr std::size_t kBroadcastWords = 64;

// Calls `apply(first, second, output, bytes)` for each row, or part of a row, of the output.
template <class Fields, class Apply>
void ForEachSpan(const Fields& fields, const Execution& execution, const Apply& apply) {
  Scratchpads& memory = execution.memory;
  const std::size_t width = memory.word_bytes();
  const std::size_t row_bytes = fields.columns * width;
  const auto run_row = [&](std::size_t block, std::size_t y) {
    const std::uint8_t* first = memory.Line(
        fields.first_address + block * fields.first_block_pitch + y * fields.first_row_pitch);
    std::uint8_t* output = memory.Line(fields.output_address + block * fields.output_block_pitch +
                                       y * fields.output_row_pitch);
    const std::uint8_t* second =
        memory.Line(fields.second_address + block * fields.second_block_pitch +
                    (fields.broadcast != 0 ? 0 : y * fields.second_row_pitch));
    if (fields.broadcast == 0) return apply(first, second, output, row_bytes);
    std::uint8_t words[kBroadcastWords * 16];
    const std::size_t span_bytes = kBroadcastWords * width;
    for (std::size_t at = 0; at < std::min(row_bytes, span_bytes); at += width) {
      std::memcpy(words + at, second, width);
    }
    for (std::size_t at = 0; at < row_bytes; at += span_bytes) {
      apply(first + at, words, output + at, std::min(row_bytes - at, span_bytes));
    }
  };
  const std::uint64_t rows = std::uint64_t{fields.blocks} * fields.rows;
  execution.fork_join.Run(
      rows, rows * row_bytes * kElementwiseBytesFactor < kSharedBytesMin, execution.stop,
      [&](std::uint64_t item, unsigned) { run_row(item / fields.rows, item % fields.rows); });
}

}  // namespace

void RunAddition(const isa::Addition& fields, const Execution& execution) {
  const Scratchpads& memory = execution.memory;
  AddSpan span{};
  span.first_terms = memory.Table(fields.first_table);
  span.second_terms = memory.Table(fields.second_table);
  span.narrow =
      memory.Magnitude(fields.first_table) + memory.Magnitude(fields.second_table) <= INT32_MAX;
  span.shift = fields.shift;
  span.window = fields.window;
  span.biased_zero_point = fields.output_zero_point + kActivationBias;
  span.low = fields.minimum + kActivationBias;
  span.high = fields.maximum + kActivationBias;
  ForEachSpan(fields, execution,
              [&execution, &span](const std::uint8_t* first, const std::uint8_t* second,
                                  std::uint8_t* output, std::size_t bytes) {
                AddSpan part = span;
                part.first = first;
                part.second = second;
                part.output = output;
                part.bytes = bytes;
                execution.kernels.add(part);
              });
}

void RunMultiplication(const isa::Multiplication& fields, const Execution& execution) {
  MultiplySpan span{};
  span.first_zero_point = fields.first_zero_point + kActivationBias;
  span.second_zero_point = fields.second_zero_point + kActivationBias;
  span.scale = std::ldexp(static_cast<float>(fields.multiplier), -static_cast<int>(fields.shift));
  span.requantisation = RequantisationOf(fields.minimum, fields.maximum, fields.output_zero_point);
  ForEachSpan(fields, execution,
              [&execution, &span](const std::uint8_t* first, const std::uint8_t* second,
                                  std::uint8_t* output, std::size_t bytes) {
                MultiplySpan part = span;
                part.first = first;
                part.second = second;
                part.output = output;
                part.bytes = bytes;
                execution.kernels.multiply(part);
              });
}

}  // namespace sluice::simulator
