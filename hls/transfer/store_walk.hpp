// The order in which a STORE reads activation memory: columns, rows, blocks.
#ifndef SLUICE_HLS_TRANSFER_STORE_WALK_HPP_
#define SLUICE_HLS_TRANSFER_STORE_WALK_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "hls/portability.hpp"

namespace sluice {

// Which words are wanted.
struct StoreRequest {
  std::uint32_t address;
  std::uint32_t columns;
  std::uint32_t rows;
  std::uint32_t blocks;
  std::uint32_t row_pitch;
  std::uint32_t block_pitch;
};

inline StoreRequest StoreRequestOf(const isa::Transfer& fields) {
  HLS_INLINE
  return StoreRequest{fields.address, fields.columns,   fields.rows,
                      fields.blocks,  fields.row_pitch, fields.block_pitch};
}

// The next word: `line` and `bank`, while `active`.
struct StoreWalk {
  StoreRequest request;
  std::uint32_t column;
  std::uint32_t row;
  std::uint32_t block;
  std::uint32_t row_line;
  std::uint32_t block_line;
  std::uint32_t line;
  std::uint32_t bank;
  bool active;
};

inline StoreWalk BeginStoreWalk(const StoreRequest& request) {
  HLS_INLINE
  return StoreWalk{request, 0, 0, 0, request.address, request.address, request.address, 0, true};
}

template <class Configuration>
inline void NextStoreWord(StoreWalk& walk) {
  HLS_INLINE
  const bool row_ends = walk.column + 1 == walk.request.columns;
  const bool block_ends = row_ends && walk.row + 1 == walk.request.rows;
  const bool line_ends = walk.bank + 1 == Configuration::kPixelParallel;
  walk.active = !(block_ends && walk.block + 1 == walk.request.blocks);
  walk.block += block_ends ? 1 : 0;
  walk.block_line += block_ends ? walk.request.block_pitch : 0;
  walk.row = block_ends ? 0 : row_ends ? walk.row + 1 : walk.row;
  walk.row_line = block_ends ? walk.block_line
                  : row_ends ? walk.row_line + walk.request.row_pitch
                             : walk.row_line;
  walk.column = row_ends ? 0 : walk.column + 1;
  walk.line = row_ends ? walk.row_line : line_ends ? walk.line + 1 : walk.line;
  walk.bank = row_ends || line_ends ? 0 : walk.bank + 1;
}

}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_STORE_WALK_HPP_
