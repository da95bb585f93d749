// What an EXECUTE instruction's loop needs to know, computed once before it starts: every division
// is by a constant or a few bits wide.
#ifndef SLUICE_HLS_EXECUTE_PLAN_HPP_
#define SLUICE_HLS_EXECUTE_PLAN_HPP_

#include <cstdint>

#include "hls/execute/window_plan.hpp"
#include "hls/isa/geometry.hpp"
#include "hls/portability.hpp"

namespace sluice {

// What the array does with the words of a step, and the drain with a finished tile.
enum class ExecuteMode : std::uint32_t { kDense, kDepthwise, kMaximum, kAdd, kMultiply };

// Whether a step multiplies with weights.
inline bool UsesWeights(ExecuteMode mode) {
  HLS_INLINE
  return mode == ExecuteMode::kDense || mode == ExecuteMode::kDepthwise;
}

// Whether a step reads an operand's own line instead of a window.
inline bool IsElementwise(ExecuteMode mode) {
  HLS_INLINE
  return mode == ExecuteMode::kAdd || mode == ExecuteMode::kMultiply;
}

// Lines that are walked tile by tile.
struct LinePlan {
  std::uint32_t address;
  std::uint32_t row_pitch;
  std::uint32_t block_pitch;
};

// How many blocks, rows and lines of P columns there are.
struct TilePlan {
  std::uint32_t blocks;
  std::uint32_t rows;
  std::uint32_t lines;
  std::uint32_t columns;
};

// Where the weights of an output block lie.
struct WeightPlan {
  std::uint32_t address;
  std::uint32_t tiles_a_block;
};

// From a tile's numbers to int8.
struct FinishPlan {
  std::uint32_t parameter_address;
  std::uint32_t multiplier;
  std::uint32_t shift;
  std::uint32_t window;
  std::int32_t first_zero_point;
  std::int32_t second_zero_point;
  std::int32_t output_zero_point;
  std::int32_t minimum;
  std::int32_t maximum;
  bool uses_table;
  // First entries of the two tables.
  std::uint32_t first_table;
  std::uint32_t second_table;
};

template <class Configuration>
struct ExecutePlan {
  ExecuteMode mode;
  // Clocks that a tile takes, those in which it computes, and those of the whole instruction.
  std::uint32_t tile_clocks;
  std::uint32_t computing_clocks;
  std::uint64_t clocks;
  std::uint64_t multiply_accumulates;
  TilePlan tiles;
  LinePlan output;
  WindowPlan<Configuration> window;
  WeightPlan weights;
  LinePlan first;
  LinePlan second;
  bool broadcast;
  FinishPlan finish;
};

// First entry of slot `table - 1`; 0 for no table.
inline std::uint32_t TableStart(std::uint32_t table) {
  HLS_INLINE
  return table == 0 ? 0 : (table - 1) * isa::kTableEntries;
}

template <class Configuration>
inline void PlanClocks(const isa::Walk& walk, ExecutePlan<Configuration>& plan) {
  HLS_INLINE
  plan.tile_clocks = isa::TileClocks<Configuration>(walk);
  plan.computing_clocks = walk.steps * walk.clocks_a_step;
  plan.clocks = isa::ExecuteClocks<Configuration>(walk);
  plan.multiply_accumulates = walk.tiles * walk.steps * walk.products_a_step;
}

template <class Configuration>
inline TilePlan PlanTiles(std::uint32_t blocks, std::uint32_t rows, std::uint32_t columns) {
  HLS_INLINE
  return TilePlan{blocks, rows, isa::CeilDivide(columns, Configuration::kPixelParallel), columns};
}

// The mode, and every finishing number that the operation doesn't set at its neutral value.
template <class Configuration, class Fields>
inline ExecutePlan<Configuration> BeginPlan(ExecuteMode mode, const Fields& fields) {
  HLS_INLINE
  ExecutePlan<Configuration> plan{};
  plan.mode = mode;
  PlanClocks<Configuration>(isa::WalkOf<Configuration>(fields), plan);
  plan.output = LinePlan{fields.output_address, fields.output_row_pitch, fields.output_block_pitch};
  plan.finish.shift = 1;
  plan.finish.minimum = fields.minimum;
  plan.finish.maximum = fields.maximum;
  return plan;
}

template <class Configuration>
inline ExecutePlan<Configuration> PlanOf(const isa::Convolution& fields) {
  HLS_INLINE
  const bool depthwise = fields.depthwise != 0;
  const std::uint32_t taps = fields.kernel_rows * fields.kernel_columns;
  ExecutePlan<Configuration> plan =
      BeginPlan<Configuration>(depthwise ? ExecuteMode::kDepthwise : ExecuteMode::kDense, fields);
  plan.tiles =
      PlanTiles<Configuration>(fields.output_blocks, fields.output_rows, fields.output_columns);
  PlanWindow<Configuration>(fields, fields.input_blocks, depthwise ? fields.input_block_pitch : 0,
                            1, 1, plan.window);
  plan.weights.address = fields.weight_address;
  plan.weights.tiles_a_block = depthwise ? isa::CeilDivide(taps, Configuration::kOutputParallel)
                                         : taps * fields.input_blocks;
  plan.finish.parameter_address = fields.parameter_address;
  plan.finish.output_zero_point = fields.output_zero_point;
  plan.finish.uses_table = fields.table != 0;
  plan.finish.first_table = TableStart(fields.table);
  return plan;
}

template <class Configuration>
inline ExecutePlan<Configuration> PlanOf(const isa::Pool& fields) {
  HLS_INLINE
  ExecutePlan<Configuration> plan = BeginPlan<Configuration>(ExecuteMode::kMaximum, fields);
  plan.tiles = PlanTiles<Configuration>(fields.blocks, fields.output_rows, fields.output_columns);
  PlanWindow<Configuration>(fields, 1, fields.input_block_pitch, fields.upsample_rows,
                            fields.upsample_columns, plan.window);
  plan.finish.uses_table = fields.table != 0;
  plan.finish.first_table = TableStart(fields.table);
  return plan;
}

// What ADD and MULTIPLY share.
template <class Configuration, class Fields>
inline ExecutePlan<Configuration> PlanElementwise(ExecuteMode mode, const Fields& fields) {
  HLS_INLINE
  ExecutePlan<Configuration> plan = BeginPlan<Configuration>(mode, fields);
  plan.tiles = PlanTiles<Configuration>(fields.blocks, fields.rows, fields.columns);
  plan.first = LinePlan{fields.first_address, fields.first_row_pitch, fields.first_block_pitch};
  plan.broadcast = fields.broadcast != 0;
  plan.second = LinePlan{fields.second_address, fields.second_row_pitch, fields.second_block_pitch};
  plan.finish.output_zero_point = fields.output_zero_point;
  plan.finish.shift = fields.shift;
  return plan;
}

template <class Configuration>
inline ExecutePlan<Configuration> PlanOf(const isa::Addition& fields) {
  HLS_INLINE
  ExecutePlan<Configuration> plan = PlanElementwise<Configuration>(ExecuteMode::kAdd, fields);
  plan.finish.window = fields.window;
  plan.finish.uses_table = true;
  plan.finish.first_table = fields.first_table * isa::kTableEntries;
  plan.finish.second_table = fields.second_table * isa::kTableEntries;
  return plan;
}

template <class Configuration>
inline ExecutePlan<Configuration> PlanOf(const isa::Multiplication& fields) {
  HLS_INLINE
  ExecutePlan<Configuration> plan = PlanElementwise<Configuration>(ExecuteMode::kMultiply, fields);
  plan.finish.multiplier = fields.multiplier;
  plan.finish.first_zero_point = fields.first_zero_point;
  plan.finish.second_zero_point = fields.second_zero_point;
  return plan;
}

}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_PLAN_HPP_
