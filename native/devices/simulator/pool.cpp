// POOL.
#include <cstddef>

#include "native/devices/simulator/execution.hpp"
#include "native/devices/simulator/windows.hpp"

namespace sluice::simulator {
namespace {

void RunTile(const isa::Pool& fields, const Execution& execution, const WindowReader& reader,
             std::uint32_t block, std::uint32_t y, ColumnRange columns, WorkerMemory& worker) {
  Scratchpads& memory = execution.memory;
  reader.Read(block, y, columns, worker);
  PoolTile tile{};
  tile.rows = worker.rows.data();
  tile.kernel_rows = fields.kernel_rows;
  tile.kernel_columns = fields.kernel_columns;
  tile.step_bytes = reader.step_bytes();
  tile.low = Biased(fields.minimum);
  tile.high = Biased(fields.maximum);
  tile.output = memory.Line(fields.output_address + std::size_t{y} * fields.output_row_pitch +
                            std::size_t{block} * fields.output_block_pitch) +
                columns.first * memory.word_bytes();
  tile.columns = columns.count;
  execution.kernels.pool(tile);
  if (fields.table != 0) {
    execution.kernels.look_up(memory.OutputTable(fields.table - 1), tile.output,
                              columns.count * memory.word_bytes());
  }
}

}  // namespace

void RunPool(const isa::Pool& fields, const Execution& execution) {
  const Window window = WindowOf(fields, fields.upsample_rows, fields.upsample_columns);
  const WindowReader reader(window, execution.memory);
  for (WorkerMemory& worker : execution.workers) reader.Reserve(worker);
  const RowTiles tiles(fields.output_columns, kWindowColumnsMax);
  const std::uint64_t rows = std::uint64_t{fields.blocks} * fields.output_rows;
  const std::uint64_t bytes_read = rows * fields.output_columns * execution.memory.word_bytes() *
                                   fields.kernel_rows * fields.kernel_columns;
  execution.fork_join.Run(
      rows, bytes_read < kSharedBytesMin, execution.stop, [&](std::uint64_t item, unsigned worker) {
        const auto block = static_cast<std::uint32_t>(item / fields.output_rows);
        const auto y = static_cast<std::uint32_t>(item % fields.output_rows);
        for (std::uint32_t tile = 0; tile < tiles.count() && !execution.stop; ++tile) {
          RunTile(fields, execution, reader, block, y, tiles[tile], execution.workers[worker]);
        }
      });
}

}  // namespace sluice::simulator
