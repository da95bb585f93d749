// Walks tile by tile: output blocks, rows of a block, lines of a row.
#ifndef SLUICE_HLS_EXECUTE_TILES_HPP_
#define SLUICE_HLS_EXECUTE_TILES_HPP_

#include <cstdint>

#include "hls/execute/plan.hpp"
#include "hls/portability.hpp"

namespace sluice {

// What the next tile starts.
enum class TileMove : std::uint32_t { kLine, kRow, kBlock };

struct TileCursor {
  std::uint32_t line;
  std::uint32_t row;
  std::uint32_t block;
  // Columns of the output row from this line on.
  std::uint32_t columns_left;
};

inline TileCursor FirstTile(const TilePlan& plan) {
  HLS_INLINE
  return TileCursor{0, 0, 0, plan.columns};
}

template <class Configuration>
inline TileMove NextTile(const TilePlan& plan, TileCursor& cursor) {
  HLS_INLINE
  const bool row_ends = cursor.line + 1 == plan.lines;
  const bool block_ends = row_ends && cursor.row + 1 == plan.rows;
  cursor.line = row_ends ? 0 : cursor.line + 1;
  cursor.columns_left =
      row_ends ? plan.columns : cursor.columns_left - Configuration::kPixelParallel;
  cursor.row = block_ends ? 0 : row_ends ? cursor.row + 1 : cursor.row;
  cursor.block = block_ends ? cursor.block + 1 : cursor.block;
  return block_ends ? TileMove::kBlock : row_ends ? TileMove::kRow : TileMove::kLine;
}

// The line of a tile in a tensor that has the output's shape.
struct LineCursor {
  std::uint32_t block_line;
  std::uint32_t row_line;
  std::uint32_t line;
};

inline LineCursor FirstLine(const LinePlan& plan) {
  HLS_INLINE
  return LineCursor{plan.address, plan.address, plan.address};
}

inline void MoveLine(const LinePlan& plan, TileMove move, LineCursor& cursor) {
  HLS_INLINE
  if (move == TileMove::kLine) {
    cursor.line += 1;
    return;
  }
  cursor.block_line += move == TileMove::kBlock ? plan.block_pitch : 0;
  cursor.row_line = move == TileMove::kBlock ? cursor.block_line : cursor.row_line + plan.row_pitch;
  cursor.line = cursor.row_line;
}

}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_TILES_HPP_
