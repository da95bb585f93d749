// Depthwise CONVOLVE.
#include <algorithm>
#include <cstddef>

#include "native/devices/simulator/execution.hpp"
#include "native/devices/simulator/windows.hpp"

namespace sluice::simulator {
namespace {

struct DepthwiseWork {
  const isa::Convolution& fields;
  const Execution& execution;
  WindowReader reader;
  // Bytes of one block's weights in execution.depthwise.
  std::size_t block_bytes;
};

// Arranges one block's weights as the kernel reads them, and takes from its biases what biased
// activations add.
void PrepareBlock(const DepthwiseWork& work, std::uint32_t block, std::uint32_t groups) {
  const isa::Convolution& fields = work.fields;
  const Scratchpads& memory = work.execution.memory;
  const std::size_t width = memory.word_bytes();
  const std::size_t group = work.execution.kernels.depthwise_group;
  const std::uint32_t taps = fields.kernel_rows * fields.kernel_columns;
  const std::size_t first_tile =
      fields.weight_address +
      std::size_t{block} * isa::CeilDivide(taps, static_cast<std::uint32_t>(width));
  std::int8_t* weights = work.execution.depthwise.data() + block * work.block_bytes;
  std::int32_t totals[16] = {};
  for (std::size_t tap = 0; tap < taps; ++tap) {
    const std::size_t ky = tap / fields.kernel_columns;
    const std::size_t kx = tap % fields.kernel_columns;
    std::int8_t* to = weights + (ky * groups + kx / group) * width * group + kx % group;
    for (std::size_t lane = 0; lane < width; ++lane) {
      const std::int8_t weight = memory.Weight(first_tile + tap / width, tap % width, lane);
      to[lane * group] = weight;
      totals[lane] += weight;
    }
  }
  const std::int32_t* bias = memory.Bias(fields.parameter_address + block);
  for (std::size_t lane = 0; lane < width; ++lane) {
    work.execution.bias[block * width + lane] = static_cast<std::int32_t>(
        static_cast<std::uint32_t>(bias[lane]) -
        static_cast<std::uint32_t>(totals[lane]) * std::uint32_t{kActivationBias});
  }
}

void RunTile(const DepthwiseWork& work, std::uint32_t block, std::uint32_t y, ColumnRange columns,
             WorkerMemory& worker) {
  const isa::Convolution& fields = work.fields;
  Scratchpads& memory = work.execution.memory;
  work.reader.Read(block, y, columns, worker);
  DepthwiseTile tile{};
  tile.rows = worker.rows.data();
  tile.kernel_rows = fields.kernel_rows;
  tile.kernel_columns = fields.kernel_columns;
  tile.step_bytes = work.reader.step_bytes();
  tile.weights = work.execution.depthwise.data() + block * work.block_bytes;
  tile.bias = work.execution.bias.data() + block * memory.word_bytes();
  tile.scale = memory.Scale(fields.parameter_address + block);
  tile.requantisation = RequantisationOf(fields.minimum, fields.maximum, fields.output_zero_point);
  tile.output = memory.Line(fields.output_address + std::size_t{y} * fields.output_row_pitch +
                            std::size_t{block} * fields.output_block_pitch) +
                columns.first * memory.word_bytes();
  tile.columns = columns.count;
  work.execution.kernels.depthwise(tile);
  if (fields.table != 0) {
    work.execution.kernels.look_up(memory.OutputTable(fields.table - 1), tile.output,
                                   columns.count * memory.word_bytes());
  }
}

}  // namespace

void RunDepthwise(const isa::Convolution& fields, const Execution& execution) {
  const std::size_t width = execution.memory.word_bytes();
  const std::uint32_t group = execution.kernels.depthwise_group;
  const std::uint32_t groups = isa::CeilDivide(fields.kernel_columns, group);
  const Window window = WindowOf(fields, 1, 1);
  const DepthwiseWork work{fields, execution, WindowReader(window, execution.memory),
                           fields.kernel_rows * groups * width * group};
  execution.bias.resize(fields.output_blocks * width);
  execution.depthwise.assign(fields.output_blocks * work.block_bytes, 0);
  for (std::uint32_t block = 0; block < fields.output_blocks; ++block) {
    PrepareBlock(work, block, groups);
  }
  for (WorkerMemory& worker : execution.workers) work.reader.Reserve(worker);
  const RowTiles tiles(fields.output_columns, kWindowColumnsMax);
  const std::uint64_t rows = std::uint64_t{fields.output_blocks} * fields.output_rows;
  const std::uint64_t bytes_read =
      rows * fields.output_columns * width * fields.kernel_rows * fields.kernel_columns;
  execution.fork_join.Run(
      rows, bytes_read < kSharedBytesMin, execution.stop, [&](std::uint64_t item, unsigned worker) {
        const auto block = static_cast<std::uint32_t>(item / fields.output_rows);
        const auto y = static_cast<std::uint32_t>(item % fields.output_rows);
        for (std::uint32_t tile = 0; tile < tiles.count() && !execution.stop; ++tile) {
          RunTile(work, block, y, tiles[tile], execution.workers[worker]);
        }
      });
}

}  // namespace sluice::simulator
