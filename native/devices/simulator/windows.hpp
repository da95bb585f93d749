// What the rows of a kernel read for a tile of columns, in POOL and in a depthwise CONVOLVE.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_WINDOWS_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_WINDOWS_HPP_

#include <cstddef>
#include <cstdint>

#include "native/devices/simulator/execution.hpp"
#include "native/devices/simulator/tiles.hpp"

namespace sluice::simulator {

// The fields of an instruction that say where its taps lie.
struct Window {
  std::uint32_t input_address;
  std::uint32_t input_rows;
  std::uint32_t input_columns;
  std::uint32_t input_row_pitch;
  std::uint32_t input_block_pitch;
  std::uint32_t kernel_rows;
  std::uint32_t kernel_columns;
  std::uint32_t stride_rows;
  std::uint32_t stride_columns;
  std::uint32_t dilation_rows;
  std::uint32_t dilation_columns;
  std::uint32_t pad_top;
  std::uint32_t pad_left;
  std::uint32_t upsample_rows;
  std::uint32_t upsample_columns;
  std::uint8_t padding;  // biased
};

template <class Fields>
Window WindowOf(const Fields& fields, std::uint32_t upsample_rows, std::uint32_t upsample_columns) {
  return Window{fields.input_address,     fields.input_rows,
                fields.input_columns,     fields.input_row_pitch,
                fields.input_block_pitch, fields.kernel_rows,
                fields.kernel_columns,    fields.stride_rows,
                fields.stride_columns,    fields.dilation_rows,
                fields.dilation_columns,  fields.pad_top,
                fields.pad_left,          upsample_rows,
                upsample_columns,         Biased(fields.pad_value)};
}

class WindowReader {
 public:
  WindowReader(const Window& window, Scratchpads& memory);

  // From one column's taps to the next column's; the taps of a column are one word apart.
  std::size_t step_bytes() const { return step_words_ * memory_.word_bytes(); }

  // Makes room for the copies of a tile of up to kWindowColumnsMax columns.
  void Reserve(WorkerMemory& worker) const;

  // Fills worker.rows: for each kernel row the word of the first column's first tap, in input block
  // `block` for output row `y`.
  void Read(std::uint32_t block, std::uint32_t y, ColumnRange columns, WorkerMemory& worker) const;

 private:
  bool TapsAreApart() const { return window_.dilation_columns > 1 && window_.kernel_columns > 1; }
  std::size_t WordsOf(std::uint32_t columns) const;
  const std::uint8_t* ReadRow(const std::uint8_t* row, ColumnRange columns,
                              std::uint8_t* copies) const;
  void CopyWord(const std::uint8_t* row, std::int64_t column, std::uint8_t* to) const;
  // The taps of each column, one column's after the other's.
  void CopyTaps(const std::uint8_t* row, std::int64_t start, std::uint32_t columns,
                std::uint8_t* to) const;
  // `words` neighbours from column `start` on, which may be outside.
  void CopySpan(const std::uint8_t* row, std::int64_t start, std::int64_t words,
                std::uint8_t* to) const;

  const Window& window_;
  Scratchpads& memory_;
  std::size_t step_words_;
};

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_WINDOWS_HPP_
