// The address generator of CONVOLVE and POOL: where each lane finds its word, step by step, with
// counters and compares alone.
#ifndef SLUICE_HLS_EXECUTE_WINDOW_WALK_HPP_
#define SLUICE_HLS_EXECUTE_WINDOW_WALK_HPP_

#include <cstdint>

#include "hls/execute/lanes.hpp"
#include "hls/execute/plan.hpp"
#include "hls/execute/tiles.hpp"
#include "hls/execute/window_plan.hpp"
#include "hls/portability.hpp"

namespace sluice {

struct WindowWalk {
  // First input line of the output block.
  std::int32_t block_line;
  // Tap (0, 0) of this tile.
  RowCursor row;
  ColumnCursor column;
  // This tap.
  RowCursor tap_row;
  ColumnCursor tap_column;
  std::uint32_t kernel_row;
  std::uint32_t kernel_column;
  std::uint32_t input_block;
  std::int32_t input_block_line;
  // First lane that reads in this clock.
  std::uint32_t group;
  std::uint32_t first_lane;
  // The step's weights: a tile, and for depthwise a row of it.
  std::uint32_t weight_block;
  std::uint32_t weight_tile;
  std::uint32_t weight_row;
};

// Carries from the bank to the line.
template <class Configuration>
inline ColumnOffset AddOffsets(const ColumnOffset& left, const ColumnOffset& right) {
  HLS_INLINE
  const std::uint32_t bank = left.bank + right.bank;
  const bool carries = bank >= Configuration::kPixelParallel;
  return ColumnOffset{left.line + right.line + (carries ? 1 : 0),
                      carries ? bank - Configuration::kPixelParallel : bank};
}

// A phase that reaches `upsample` is one source column more.
template <class Configuration>
inline ColumnCursor AddColumns(const ColumnCursor& left, const ColumnCursor& right,
                               std::uint32_t upsample) {
  HLS_INLINE
  const std::uint32_t phase = left.phase + right.phase;
  const bool wraps = phase >= upsample;
  const ColumnOffset moved = AddOffsets<Configuration>(left.source, right.source);
  return ColumnCursor{left.position + right.position,
                      AddOffsets<Configuration>(moved, ColumnOffset{0, wraps ? 1u : 0u}),
                      wraps ? phase - upsample : phase};
}

// The row of the next output row's first tap.
template <class Configuration>
inline RowCursor NextRow(const WindowPlan<Configuration>& plan, const RowCursor& row) {
  HLS_INLINE
  const bool enlarges = plan.row_upsample > 1;
  const bool wraps = enlarges && row.phase + 1 == plan.row_upsample;
  const std::int32_t enlarged = wraps ? plan.row_pitch : 0;
  return RowCursor{row.position + plan.row_stride,
                   row.line + (enlarges ? enlarged : plan.row_stride_lines),
                   enlarges && !wraps ? row.phase + 1 : 0};
}

// One of two, number by number: a choice between structs would be one between their addresses.
inline RowCursor ChosenRow(bool takes_first, RowCursor first, RowCursor second) {
  HLS_INLINE
  return RowCursor{takes_first ? first.position : second.position,
                   takes_first ? first.line : second.line,
                   takes_first ? first.phase : second.phase};
}

inline void StartTaps(WindowWalk& walk) {
  HLS_INLINE
  CopyRow(walk.row, walk.tap_row);
  CopyColumn(walk.column, walk.tap_column);
  walk.weight_tile = walk.weight_block;
  walk.weight_row = 0;
}

template <class Configuration>
inline WindowWalk FirstWindow(const ExecutePlan<Configuration>& plan) {
  HLS_INLINE
  WindowWalk walk{};
  walk.block_line = plan.window.address;
  CopyRow(plan.window.first_row, walk.row);
  CopyColumn(plan.window.first_column, walk.column);
  walk.weight_block = plan.weights.address;
  StartTaps(walk);
  return walk;
}

// From one tile's last tap to the next tile's first.
template <class Configuration>
inline void MoveWindow(const ExecutePlan<Configuration>& plan, TileMove move, WindowWalk& walk) {
  HLS_INLINE
  const WindowPlan<Configuration>& window = plan.window;
  if (move == TileMove::kLine) {
    walk.column = AddColumns<Configuration>(walk.column, window.tile_step, window.column_upsample);
  } else {
    CopyColumn(window.first_column, walk.column);
    walk.row = ChosenRow(move == TileMove::kRow, NextRow<Configuration>(window, walk.row),
                         window.first_row);
  }
  if (move == TileMove::kBlock) {
    walk.block_line += window.output_block_pitch;
    walk.weight_block += plan.weights.tiles_a_block;
  }
  StartTaps(walk);
}

// From one tap's weights to the next one's.
template <class Configuration>
inline void NextWeights(bool depthwise, WindowWalk& walk) {
  HLS_INLINE
  const bool row_ends = walk.weight_row + 1 == Configuration::kOutputParallel;
  walk.weight_tile += !depthwise || row_ends ? 1 : 0;
  walk.weight_row = depthwise && !row_ends ? walk.weight_row + 1 : 0;
}

// From one tap to the next, across the row first. After a tile's last tap MoveWindow starts anew.
template <class Configuration>
inline void NextTap(const WindowPlan<Configuration>& plan, WindowWalk& walk) {
  HLS_INLINE
  if (walk.kernel_column + 1 < plan.kernel_columns) {
    walk.kernel_column += 1;
    walk.tap_column = AddColumns<Configuration>(walk.tap_column, plan.tap_step, 1);
    return;
  }
  walk.kernel_column = 0;
  CopyColumn(walk.column, walk.tap_column);
  if (walk.kernel_row + 1 < plan.kernel_rows) {
    walk.kernel_row += 1;
    walk.tap_row.position += plan.row_dilation;
    walk.tap_row.line += plan.row_dilation_lines;
    return;
  }
  walk.kernel_row = 0;
}

// The next clock of a tile: groups of lanes, then input blocks, then taps.
template <class Configuration>
inline void StepWindow(const ExecutePlan<Configuration>& plan, WindowWalk& walk) {
  HLS_INLINE
  if (walk.group + 1 < plan.window.groups) {
    walk.group += 1;
    walk.first_lane += plan.window.group_lanes;
    return;
  }
  walk.group = 0;
  walk.first_lane = 0;
  NextWeights<Configuration>(plan.mode == ExecuteMode::kDepthwise, walk);
  if (walk.input_block + 1 < plan.window.input_blocks) {
    walk.input_block += 1;
    walk.input_block_line += plan.window.block_pitch;
    return;
  }
  walk.input_block = 0;
  walk.input_block_line = 0;
  NextTap<Configuration>(plan.window, walk);
}

// floor(enlarged / upsample) for an enlarged column of a tile; upsample is 2 or more.
template <class Configuration>
inline std::uint32_t SourceColumn(std::uint32_t enlarged, std::uint32_t upsample) {
  HLS_INLINE
  std::uint32_t column = 0;
  HLS_LABEL(source_columns)
  for (std::uint32_t count = 1; count < Configuration::kPixelParallel; ++count) {
    HLS_UNROLL
    column += enlarged >= count * upsample ? 1 : 0;
  }
  return column;
}

// What each lane reads in this clock.
template <class Configuration>
inline LaneReads<Configuration> WindowReads(const WindowPlan<Configuration>& plan,
                                            const WindowWalk& walk) {
  HLS_INLINE
  LaneReads<Configuration> reads;
  const std::int32_t row_line = walk.block_line + walk.input_block_line + walk.tap_row.line;
  const bool row_inside = walk.tap_row.position >= 0 && walk.tap_row.position < plan.rows;
  std::int32_t position = walk.tap_column.position;
  HLS_LABEL(window_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kPixelParallel; ++lane) {
    HLS_UNROLL
    const std::uint32_t enlarged =
        SourceColumn<Configuration>(walk.tap_column.phase + lane, plan.column_upsample);
    const std::int32_t line = plan.lane_offset[lane].line;
    const std::uint32_t bank = plan.lane_offset[lane].bank;
    const bool enlarges = plan.column_upsample > 1;
    const ColumnOffset source = AddOffsets<Configuration>(
        walk.tap_column.source, ColumnOffset{enlarges ? 0 : line, enlarges ? enlarged : bank});
    reads.bank[lane] = source.bank;
    reads.inside[lane] = row_inside && position >= 0 && position < plan.columns;
    reads.line[lane] = static_cast<std::uint32_t>(row_line + source.line);
    reads.active[lane] = lane >= walk.first_lane && lane < walk.first_lane + plan.group_lanes;
    position += plan.column_stride;
  }
  return reads;
}

}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_WINDOW_WALK_HPP_
