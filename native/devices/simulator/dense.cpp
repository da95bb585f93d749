// CONVOLVE that is not depthwise: tiles of a few columns, whose taps are pointers into activation
// memory where the words lie next to each other, and copies where they don't.
#include <algorithm>
#include <cstddef>

#include "native/devices/simulator/execution.hpp"
#include "native/devices/simulator/tiles.hpp"

namespace sluice::simulator {
namespace {

// A tap that reads padding.
constexpr std::int64_t kOutside = -1;

struct DenseWork {
  isa::Convolution fields;
  const Execution& execution;
  std::uint32_t entries;
  // `columns_max` words of padding, bytes and wide.
  std::uint8_t padding[kDenseColumnsMax * 16];
  std::uint16_t wide_padding[kDenseColumnsMax * 16];
};

template <std::size_t kWidth, class Activation>
void CopyWord(const std::uint8_t* from, Activation* to) {
  for (std::size_t lane = 0; lane < kWidth; ++lane) to[lane] = from[lane];
}

template <class Activation>
struct Buffers;

template <>
struct Buffers<std::uint8_t> {
  static const std::uint8_t* Padding(const DenseWork& work) { return work.padding; }
  static std::vector<std::uint8_t>& Copies(WorkerMemory& worker) { return worker.bytes; }
};

template <>
struct Buffers<std::uint16_t> {
  static const std::uint16_t* Padding(const DenseWork& work) { return work.wide_padding; }
  static std::vector<std::uint16_t>& Copies(WorkerMemory& worker) { return worker.wide; }
};

// The words that the tap reads for each column: offsets from the row's first, or kOutside.
// Returns whether they lie one after the other.
bool TapOffsets(const isa::Convolution& fields, std::uint32_t kx, ColumnRange columns,
                std::int64_t* offsets) {
  const std::int64_t start = std::int64_t{columns.first} * fields.stride_columns +
                             std::int64_t{kx} * fields.dilation_columns - fields.pad_left;
  bool inside = true;
  for (std::uint32_t n = 0; n < columns.count; ++n) {
    const std::int64_t column = start + std::int64_t{n} * fields.stride_columns;
    const bool reads_input = column >= 0 && column < fields.input_columns;
    offsets[n] = reads_input ? column : kOutside;
    inside = inside && reads_input;
  }
  return inside && (fields.stride_columns == 1 || columns.count == 1);
}

// Copies what one tap reads, for each input block, and names the copies in `entries`.
template <std::size_t kWidth, class Activation>
void CopyTap(const DenseWork& work, const std::uint8_t* row, const std::int64_t* offsets,
             std::uint32_t columns, Activation* copies, const void** entries) {
  const std::size_t block_bytes =
      work.fields.input_block_pitch * work.execution.memory.line_bytes();
  const Activation* padding = Buffers<Activation>::Padding(work);
  for (std::uint32_t block = 0; block < work.fields.input_blocks; ++block) {
    const std::uint8_t* words = row + block * block_bytes;
    entries[block] = copies;
    for (std::uint32_t n = 0; n < columns; ++n, copies += kWidth) {
      if (offsets[n] == kOutside) {
        std::copy_n(padding, kWidth, copies);
      } else {
        CopyWord<kWidth>(words + static_cast<std::size_t>(offsets[n]) * kWidth, copies);
      }
    }
  }
}

// Fills the worker's entries with what each tap and input block reads for the tile.
template <std::size_t kWidth, class Activation>
void CollectEntries(const DenseWork& work, std::uint32_t y, ColumnRange columns,
                    WorkerMemory& worker) {
  const isa::Convolution& fields = work.fields;
  const Scratchpads& memory = work.execution.memory;
  std::int64_t offsets[kDenseColumnsMax];
  Activation* copies = Buffers<Activation>::Copies(worker).data();
  const void** entries = worker.entries.data();
  const std::size_t tap_copies = std::size_t{fields.input_blocks} * columns.count * kWidth;
  for (std::uint32_t ky = 0; ky < fields.kernel_rows; ++ky) {
    const std::int64_t input_row = std::int64_t{y} * fields.stride_rows +
                                   std::int64_t{ky} * fields.dilation_rows - fields.pad_top;
    const bool row_inside = input_row >= 0 && input_row < fields.input_rows;
    const std::size_t row_lines = row_inside ? static_cast<std::size_t>(input_row) : 0;
    const std::uint8_t* row =
        work.execution.memory.Line(fields.input_address + row_lines * fields.input_row_pitch);
    for (std::uint32_t kx = 0; kx < fields.kernel_columns; ++kx, entries += fields.input_blocks) {
      if (!row_inside) {
        std::fill_n(entries, fields.input_blocks, Buffers<Activation>::Padding(work));
        continue;
      }
      const bool adjacent = TapOffsets(fields, kx, columns, offsets);
      if (adjacent && sizeof(Activation) == 1) {
        const std::uint8_t* words = row + static_cast<std::size_t>(offsets[0]) * kWidth;
        for (std::uint32_t block = 0; block < fields.input_blocks; ++block) {
          entries[block] = words + block * fields.input_block_pitch * memory.line_bytes();
        }
        continue;
      }
      CopyTap<kWidth, Activation>(work, row, offsets, columns.count, copies, entries);
      copies += tap_copies;
    }
  }
}

void CollectAny(const DenseWork& work, std::uint32_t y, ColumnRange columns, WorkerMemory& worker) {
  const bool wide = work.execution.kernels.wide_activations;
  if (work.execution.memory.word_bytes() == 16) {
    if (wide) return CollectEntries<16, std::uint16_t>(work, y, columns, worker);
    return CollectEntries<16, std::uint8_t>(work, y, columns, worker);
  }
  if (wide) return CollectEntries<8, std::uint16_t>(work, y, columns, worker);
  CollectEntries<8, std::uint8_t>(work, y, columns, worker);
}

// One tile in the output blocks from `first` to before `end`.
void RunTile(const DenseWork& work, std::uint32_t y, ColumnRange columns, std::uint32_t first,
             std::uint32_t end, WorkerMemory& worker) {
  const isa::Convolution& fields = work.fields;
  Scratchpads& memory = work.execution.memory;
  const Kernels& kernels = work.execution.kernels;
  CollectAny(work, y, columns, worker);
  DenseTile tile{};
  tile.activations = worker.entries.data();
  tile.entries = work.entries;
  tile.weights_block_bytes = work.entries * memory.tile_bytes();
  tile.requantisation = RequantisationOf(fields.minimum, fields.maximum, fields.output_zero_point);
  tile.output_block_bytes = fields.output_block_pitch * memory.line_bytes();
  tile.columns = columns.count;
  for (std::uint32_t block = first; block < end; block += tile.blocks) {
    tile.blocks = std::min(end - block, kernels.dense_blocks_max);
    tile.weights = memory.Tile(fields.weight_address + block * work.entries);
    tile.bias = work.execution.bias.data() + block * memory.word_bytes();
    tile.scale = memory.Scale(fields.parameter_address + block);
    tile.output = memory.Line(fields.output_address + y * fields.output_row_pitch +
                              block * fields.output_block_pitch) +
                  columns.first * memory.word_bytes();
    kernels.dense(tile);
    for (std::uint32_t i = 0; fields.table != 0 && i < tile.blocks; ++i) {
      kernels.look_up(memory.OutputTable(fields.table - 1),
                      tile.output + i * tile.output_block_bytes,
                      columns.count * memory.word_bytes());
    }
  }
}

// Biased activations add 128 times the weights to each sum; the bias takes them away again.
void CorrectBias(const DenseWork& work) {
  const isa::Convolution& fields = work.fields;
  const Scratchpads& memory = work.execution.memory;
  const std::size_t width = memory.word_bytes();
  std::vector<std::int32_t>& corrected = work.execution.bias;
  corrected.resize(fields.output_blocks * width);
  for (std::uint32_t block = 0; block < fields.output_blocks; ++block) {
    const std::int16_t* sums = memory.WeightSums(fields.weight_address + block * work.entries);
    const std::int32_t* bias = memory.Bias(fields.parameter_address + block);
    std::int32_t totals[16] = {};
    for (std::uint32_t entry = 0; entry < work.entries; ++entry, sums += width) {
      for (std::size_t lane = 0; lane < width; ++lane) totals[lane] += sums[lane];
    }
    for (std::size_t lane = 0; lane < width; ++lane) {
      corrected[block * width + lane] = static_cast<std::int32_t>(
          static_cast<std::uint32_t>(bias[lane]) -
          static_cast<std::uint32_t>(totals[lane]) * std::uint32_t{kActivationBias});
    }
  }
}

// A 1 x 1 kernel whose rows follow each other without a gap is one long row, which makes fuller
// tiles.
void JoinRows(isa::Convolution& fields, const Scratchpads& memory) {
  const std::size_t row_bytes = fields.output_columns * memory.word_bytes();
  const bool pointwise = fields.kernel_rows == 1 && fields.kernel_columns == 1 &&
                         fields.stride_rows == 1 && fields.stride_columns == 1 &&
                         fields.pad_top == 0 && fields.pad_left == 0;
  const bool whole = fields.output_columns == fields.input_columns &&
                     fields.output_rows <= fields.input_rows &&
                     fields.input_row_pitch * memory.line_bytes() == row_bytes &&
                     fields.output_row_pitch * memory.line_bytes() == row_bytes;
  if (!pointwise || !whole) return;
  fields.output_columns *= fields.output_rows;
  fields.input_columns = fields.output_columns;
  fields.output_rows = 1;
  fields.input_rows = 1;
}

void ReserveWorkers(const DenseWork& work) {
  const std::size_t copies = std::size_t{work.entries} * work.execution.kernels.dense_columns_max *
                             work.execution.memory.word_bytes();
  for (WorkerMemory& worker : work.execution.workers) {
    if (worker.entries.size() < work.entries) worker.entries.resize(work.entries);
    if (work.execution.kernels.wide_activations) {
      if (worker.wide.size() < copies) worker.wide.resize(copies);
    } else if (worker.bytes.size() < copies) {
      worker.bytes.resize(copies);
    }
  }
}

}  // namespace

void RunDense(const isa::Convolution& fields, const Execution& execution) {
  DenseWork work{
      fields, execution, fields.kernel_rows * fields.kernel_columns * fields.input_blocks, {}, {}};
  std::ranges::fill(work.padding, Biased(fields.pad_value));
  std::ranges::fill(work.wide_padding, std::uint16_t{Biased(fields.pad_value)});
  JoinRows(work.fields, execution.memory);
  ReserveWorkers(work);
  CorrectBias(work);
  const RowTiles tiles(work.fields.output_columns, execution.kernels.dense_columns_max);
  const std::uint64_t places = std::uint64_t{work.fields.output_rows} * tiles.count();
  const std::uint64_t products = std::uint64_t{fields.output_rows} * fields.output_columns *
                                 fields.output_blocks * work.entries *
                                 execution.memory.tile_bytes();
  const bool alone = products < kSharedProductsMin || execution.fork_join.threads() == 1;
  // Few tiles and many output blocks: the blocks are shared out too.
  const std::uint64_t wanted = alone ? 1 : execution.fork_join.threads() * kItemsPerThread;
  const RowTiles chunks(fields.output_blocks,
                        static_cast<std::uint32_t>(std::max<std::uint64_t>(
                            execution.kernels.dense_blocks_max,
                            fields.output_blocks * places / std::max(wanted, places))));
  execution.fork_join.Run(
      places * chunks.count(), alone, execution.stop, [&](std::uint64_t item, unsigned worker) {
        const ColumnRange blocks = chunks[static_cast<std::uint32_t>(item % chunks.count())];
        const std::uint64_t place = item / chunks.count();
        RunTile(work, static_cast<std::uint32_t>(place / tiles.count()),
                tiles[static_cast<std::uint32_t>(place % tiles.count())], blocks.first,
                blocks.first + blocks.count, execution.workers[worker]);
      });
}

}  // namespace sluice::simulator
