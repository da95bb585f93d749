// The constants of a window's walk over the input of CONVOLVE and POOL.
#ifndef SLUICE_HLS_EXECUTE_WINDOW_PLAN_HPP_
#define SLUICE_HLS_EXECUTE_WINDOW_PLAN_HPP_

#include <cstdint>

#include "hls/isa/geometry.hpp"
#include "hls/portability.hpp"

namespace sluice {

// A number of columns as whole lines and a rest below P.
struct ColumnOffset {
  std::int32_t line;
  std::uint32_t bank;
};

// The column that lane 0 reads. `position` counts before an enlargement divides it, and `phase` is
// what the division leaves.
struct ColumnCursor {
  std::int32_t position;
  ColumnOffset source;
  std::uint32_t phase;
};

// The row of a tap; `line` is that of the row that it reads, from the block's first line on.
struct RowCursor {
  std::int32_t position;
  std::int32_t line;
  std::uint32_t phase;
};

// Number by number: a copy of a struct would be one of a block of bytes.
inline void CopyRow(const RowCursor& from, RowCursor& to) {
  HLS_INLINE
  const std::int32_t position = from.position;
  const std::int32_t line = from.line;
  const std::uint32_t phase = from.phase;
  to.position = position;
  to.line = line;
  to.phase = phase;
}

inline void CopyColumn(const ColumnCursor& from, ColumnCursor& to) {
  HLS_INLINE
  const std::int32_t position = from.position;
  const std::int32_t line = from.source.line;
  const std::uint32_t bank = from.source.bank;
  const std::uint32_t phase = from.phase;
  to.position = position;
  to.source.line = line;
  to.source.bank = bank;
  to.phase = phase;
}

template <class Configuration>
struct WindowPlan {
  std::int32_t address;
  std::int32_t pad_value;
  std::uint32_t input_blocks;
  std::uint32_t kernel_rows;
  std::uint32_t kernel_columns;
  // Lines from one input block to the next within a sum, and from one output block's to the next's.
  std::int32_t block_pitch;
  std::int32_t output_block_pitch;
  // Positions that are not padding.
  std::int32_t rows;
  std::int32_t columns;
  RowCursor first_row;
  std::int32_t row_stride;
  std::int32_t row_stride_lines;
  std::int32_t row_pitch;
  std::uint32_t row_upsample;
  std::int32_t row_dilation;
  std::int32_t row_dilation_lines;
  ColumnCursor first_column;
  // From tile to tile, and from tap to tap.
  ColumnCursor tile_step;
  ColumnCursor tap_step;
  std::uint32_t column_upsample;
  std::int32_t column_stride;
  // From lane 0 to each lane; an enlargement computes it from the phase instead.
  ColumnOffset lane_offset[Configuration::kPixelParallel];
  // Lanes that read in one clock, and clocks until all have.
  std::uint32_t group_lanes;
  std::uint32_t groups;
};

// value / divisor rounded up, of 6 and 4 bits, by restoring division. divisor above 0.
inline std::uint32_t CeilDivideSmall(std::uint32_t value, std::uint32_t divisor) {
  HLS_INLINE
  std::uint32_t rest = value;
  std::uint32_t quotient = 0;
  HLS_LABEL(divide_bits)
  for (std::uint32_t index = 0; index < 6; ++index) {
    HLS_UNROLL
    const std::uint32_t bit = 5 - index;
    const bool fits = rest >= divisor << bit;
    rest -= fits ? divisor << bit : 0;
    quotient |= fits ? 1u << bit : 0u;
  }
  return quotient + (rest != 0 ? 1 : 0);
}

// P / groups, where `groups` divides P and a stride, so that it is 1 to 7. Constants: a loop over
// them that a compiler leaves rolled would divide by its counter.
template <class Configuration>
inline std::uint32_t LanesOfGroup(std::uint32_t groups) {
  HLS_INLINE
  constexpr std::uint32_t kLanes = Configuration::kPixelParallel;
  if (groups == 2) return kLanes / 2;
  if (groups == 3) return kLanes / 3;
  if (groups == 4) return kLanes / 4;
  if (groups == 5) return kLanes / 5;
  if (groups == 6) return kLanes / 6;
  if (groups == 7) return kLanes / 7;
  return kLanes;
}

// `columns` to the left of column 0.
template <class Configuration>
inline ColumnOffset OffsetBefore(std::uint32_t columns) {
  HLS_INLINE
  const std::uint32_t lines = isa::CeilDivide(columns, Configuration::kPixelParallel);
  return ColumnOffset{-static_cast<std::int32_t>(lines),
                      lines * Configuration::kPixelParallel - columns};
}

template <class Configuration>
inline ColumnOffset OffsetOf(std::uint32_t columns) {
  HLS_INLINE
  return ColumnOffset{static_cast<std::int32_t>(columns / Configuration::kPixelParallel),
                      columns % Configuration::kPixelParallel};
}

template <class Configuration, class Fields>
inline void PlanRows(const Fields& fields, std::uint32_t upsample,
                     WindowPlan<Configuration>& plan) {
  HLS_INLINE
  const std::int32_t pitch = static_cast<std::int32_t>(fields.input_row_pitch);
  const std::uint32_t before = CeilDivideSmall(fields.pad_top, upsample);
  plan.rows = static_cast<std::int32_t>(fields.input_rows * upsample);
  plan.first_row =
      RowCursor{-static_cast<std::int32_t>(fields.pad_top),
                -static_cast<std::int32_t>(before) * pitch, before * upsample - fields.pad_top};
  plan.row_upsample = upsample;
  plan.row_pitch = pitch;
  plan.row_stride = static_cast<std::int32_t>(fields.stride_rows);
  plan.row_stride_lines = plan.row_stride * pitch;
  plan.row_dilation = static_cast<std::int32_t>(fields.dilation_rows);
  plan.row_dilation_lines = plan.row_dilation * pitch;
}

// The columns of a tile are P strides; P enlarged columns are P / upsample and a rest of source
// columns.
template <class Configuration>
inline ColumnCursor PlanTileStep(std::uint32_t stride, std::uint32_t upsample) {
  HLS_INLINE
  constexpr std::uint32_t kColumns = Configuration::kPixelParallel;
  const std::int32_t position = static_cast<std::int32_t>(kColumns * stride);
  if (upsample == 1) {
    return ColumnCursor{position, ColumnOffset{static_cast<std::int32_t>(stride), 0}, 0};
  }
  const std::uint32_t up = CeilDivideSmall(kColumns, upsample);
  const std::uint32_t whole = up * upsample == kColumns ? up : up - 1;
  return ColumnCursor{position, ColumnOffset{0, whole}, kColumns - whole * upsample};
}

template <class Configuration, class Fields>
inline void PlanColumns(const Fields& fields, std::uint32_t upsample,
                        WindowPlan<Configuration>& plan) {
  HLS_INLINE
  const std::uint32_t before = CeilDivideSmall(fields.pad_left, upsample);
  plan.columns = static_cast<std::int32_t>(fields.input_columns * upsample);
  plan.first_column =
      ColumnCursor{-static_cast<std::int32_t>(fields.pad_left), OffsetBefore<Configuration>(before),
                   before * upsample - fields.pad_left};
  plan.column_upsample = upsample;
  plan.column_stride = static_cast<std::int32_t>(fields.stride_columns);
  plan.tile_step = PlanTileStep<Configuration>(fields.stride_columns, upsample);
  plan.tap_step = ColumnCursor{static_cast<std::int32_t>(fields.dilation_columns),
                               OffsetOf<Configuration>(fields.dilation_columns), 0};
  HLS_LABEL(plan_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kPixelParallel; ++lane) {
    HLS_UNROLL
    plan.lane_offset[lane] = OffsetOf<Configuration>(lane * fields.stride_columns);
  }
  plan.groups = isa::CommonDivisor(fields.stride_columns, Configuration::kPixelParallel);
  plan.group_lanes = LanesOfGroup<Configuration>(plan.groups);
}

// `Fields` are a CONVOLVE's or a POOL's.
template <class Configuration, class Fields>
inline void PlanWindow(const Fields& fields, std::uint32_t input_blocks,
                       std::uint32_t output_block_pitch, std::uint32_t upsample_rows,
                       std::uint32_t upsample_columns, WindowPlan<Configuration>& plan) {
  HLS_INLINE
  plan.address = static_cast<std::int32_t>(fields.input_address);
  plan.pad_value = fields.pad_value;
  plan.input_blocks = input_blocks;
  plan.kernel_rows = fields.kernel_rows;
  plan.kernel_columns = fields.kernel_columns;
  plan.block_pitch = static_cast<std::int32_t>(fields.input_block_pitch);
  plan.output_block_pitch = static_cast<std::int32_t>(output_block_pitch);
  PlanRows<Configuration>(fields, upsample_rows, plan);
  PlanColumns<Configuration>(fields, upsample_columns, plan);
}

}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_WINDOW_PLAN_HPP_
