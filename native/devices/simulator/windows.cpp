#include "native/devices/simulator/windows.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::simulator {

WindowReader::WindowReader(const Window& window, Scratchpads& memory)
    : window_(window),
      memory_(memory),
      step_words_(TapsAreApart() ? window.kernel_columns : window.stride_columns) {}

std::size_t WindowReader::WordsOf(std::uint32_t columns) const {
  return (columns - 1) * step_words_ + window_.kernel_columns;
}

void WindowReader::Reserve(WorkerMemory& worker) const {
  const std::size_t row_bytes = WordsOf(kWindowColumnsMax) * memory_.word_bytes();
  // One row of padding stands before the copies.
  const std::size_t bytes = (window_.kernel_rows + 1) * row_bytes;
  if (worker.bytes.size() < bytes) worker.bytes.resize(bytes);
  if (worker.rows.size() < window_.kernel_rows) worker.rows.resize(window_.kernel_rows);
}

void WindowReader::CopyWord(const std::uint8_t* row, std::int64_t column, std::uint8_t* to) const {
  const std::size_t width = memory_.word_bytes();
  const std::int64_t columns = std::int64_t{window_.input_columns} * window_.upsample_columns;
  if (column < 0 || column >= columns) {
    std::memset(to, window_.padding, width);
    return;
  }
  const std::size_t word = static_cast<std::size_t>(column) / window_.upsample_columns;
  // Two sizes that the compiler knows, each one move.
  if (width == 16) {
    std::memcpy(to, row + word * 16, 16);
  } else {
    std::memcpy(to, row + word * 8, 8);
  }
}

void WindowReader::CopyTaps(const std::uint8_t* row, std::int64_t start, std::uint32_t columns,
                            std::uint8_t* to) const {
  for (std::uint32_t n = 0; n < columns; ++n) {
    for (std::uint32_t kx = 0; kx < window_.kernel_columns; ++kx, to += memory_.word_bytes()) {
      const std::int64_t column = start + std::int64_t{n} * window_.stride_columns +
                                  std::int64_t{kx} * window_.dilation_columns;
      CopyWord(row, column, to);
    }
  }
}

void WindowReader::CopySpan(const std::uint8_t* row, std::int64_t start, std::int64_t words,
                            std::uint8_t* to) const {
  const auto bytes_of = [this](std::int64_t count) {
    return static_cast<std::size_t>(count) * memory_.word_bytes();
  };
  const std::int64_t inside_begin = std::clamp<std::int64_t>(-start, 0, words);
  const std::int64_t inside_end =
      std::clamp<std::int64_t>(window_.input_columns - start, inside_begin, words);
  std::memset(to, window_.padding, bytes_of(inside_begin));
  if (inside_end > inside_begin) {
    std::memcpy(to + bytes_of(inside_begin), row + bytes_of(start + inside_begin),
                bytes_of(inside_end - inside_begin));
  }
  std::memset(to + bytes_of(inside_end), window_.padding, bytes_of(words - inside_end));
}

const std::uint8_t* WindowReader::ReadRow(const std::uint8_t* row, ColumnRange columns,
                                          std::uint8_t* copies) const {
  const std::size_t width = memory_.word_bytes();
  const std::int64_t start =
      std::int64_t{columns.first} * window_.stride_columns - window_.pad_left;
  const std::int64_t words = static_cast<std::int64_t>(WordsOf(columns.count));
  if (TapsAreApart()) {
    CopyTaps(row, start, columns.count, copies);
  } else if (window_.upsample_columns != 1) {
    for (std::int64_t i = 0; i < words; ++i) {
      CopyWord(row, start + i, copies + static_cast<std::size_t>(i) * width);
    }
  } else if (start >= 0 && start + words <= window_.input_columns) {
    return row + static_cast<std::size_t>(start) * width;
  } else {
    CopySpan(row, start, words, copies);
  }
  return copies;
}

void WindowReader::Read(std::uint32_t block, std::uint32_t y, ColumnRange columns,
                        WorkerMemory& worker) const {
  const std::size_t row_bytes = WordsOf(columns.count) * memory_.word_bytes();
  std::uint8_t* const padding = worker.bytes.data();
  std::uint8_t* copies = padding + row_bytes;
  bool padded = false;
  for (std::uint32_t ky = 0; ky < window_.kernel_rows; ++ky, copies += row_bytes) {
    const std::int64_t input_row = std::int64_t{y} * window_.stride_rows +
                                   std::int64_t{ky} * window_.dilation_rows - window_.pad_top;
    const std::int64_t rows = std::int64_t{window_.input_rows} * window_.upsample_rows;
    if (input_row < 0 || input_row >= rows) {
      if (!padded) std::memset(padding, window_.padding, row_bytes);
      padded = true;
      worker.rows[ky] = padding;
      continue;
    }
    const std::size_t row = static_cast<std::size_t>(input_row) / window_.upsample_rows;
    const std::uint8_t* words =
        memory_.Line(window_.input_address + std::size_t{block} * window_.input_block_pitch +
                     row * window_.input_row_pitch);
    worker.rows[ky] = ReadRow(words, columns, copies);
  }
}

}  // namespace sluice::simulator
