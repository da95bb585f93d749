// Cuts output rows into tiles of columns of nearly the same size.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_TILES_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_TILES_HPP_

#include <cstdint>

#include "hls/isa/geometry.hpp"

namespace sluice::simulator {

// Columns of one tile.
struct ColumnRange {
  std::uint32_t first;
  std::uint32_t count;
};

class RowTiles {
 public:
  RowTiles(std::uint32_t columns, std::uint32_t columns_max)
      : columns_(columns), count_(isa::CeilDivide(columns, columns_max)) {}

  std::uint32_t count() const { return count_; }

  ColumnRange operator[](std::uint32_t tile) const {
    const std::uint32_t first = Border(tile);
    return ColumnRange{first, Border(tile + 1) - first};
  }

 private:
  std::uint32_t Border(std::uint32_t tile) const {
    return static_cast<std::uint32_t>(std::uint64_t{columns_} * tile / count_);
  }

  std::uint32_t columns_;
  std::uint32_t count_;
};

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_TILES_HPP_
