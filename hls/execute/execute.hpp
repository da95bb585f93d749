// The EXECUTE unit: one flat loop an instruction. README.md has its interval and its memories'
// ports.
#ifndef SLUICE_HLS_EXECUTE_EXECUTE_HPP_
#define SLUICE_HLS_EXECUTE_EXECUTE_HPP_

#include <cstdint>

#include "hls/execute/array.hpp"
#include "hls/execute/drain.hpp"
#include "hls/execute/lanes.hpp"
#include "hls/execute/plan.hpp"
#include "hls/execute/tiles.hpp"
#include "hls/execute/window_walk.hpp"
#include "hls/isa/geometry.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"

namespace sluice {

// Memory ports that a clock of EXECUTE has taken; others may use the rest in the same clock.
template <class Configuration>
struct PortUse {
  // The second port of each bank of activation memory.
  BankWrites<Configuration> activation;
  // Both ports of the tables.
  bool tables;
};

template <class Configuration>
inline PortUse<Configuration> IdlePorts() {
  HLS_INLINE
  return PortUse<Configuration>{NoWrites<Configuration>(), false};
}

// What an instruction did.
struct ExecuteCounts {
  std::uint64_t clocks;
  std::uint64_t multiply_accumulates;
};

// A Service for EXECUTE alone: nobody else uses the memories meanwhile.
struct NoService {
  template <class Configuration>
  void Advance(Scratchpads<Configuration>&, const PortUse<Configuration>&) {
    HLS_INLINE
  }
};

// Everything that changes from clock to clock.
template <class Configuration>
struct ExecuteState {
  TileCursor cursor;
  LineCursor output;
  LineCursor first;
  LineCursor second;
  WindowWalk window;
  // Clock of the tile, and whether there is one.
  std::uint32_t clock;
  bool computing;
  TileRegisters<Configuration> tile;
  Drain<Configuration> drain;
};

template <class Configuration>
inline void BeginExecute(const ExecutePlan<Configuration>& plan,
                         ExecuteState<Configuration>& state) {
  HLS_INLINE
  state.cursor = FirstTile(plan.tiles);
  state.output = FirstLine(plan.output);
  state.first = FirstLine(plan.first);
  state.second = FirstLine(plan.second);
  state.window = FirstWindow<Configuration>(plan);
  state.clock = 0;
  state.computing = true;
  state.drain.active = false;
}

// What each lane reads in this clock, and whether the tile's sums start with it.
template <class Configuration>
inline LaneReads<Configuration> ReadsOfClock(const ExecutePlan<Configuration>& plan,
                                             const ExecuteState<Configuration>& state) {
  HLS_INLINE
  if (!IsElementwise(plan.mode)) return WindowReads<Configuration>(plan.window, state.window);
  const bool first = state.clock == 0;
  const std::uint32_t first_line = state.first.line;
  const std::uint32_t second_line = state.second.line;
  return ReadsOfLine<Configuration>(first ? first_line : second_line, !first && plan.broadcast);
}

// One step: read P words and a tile of weights, and combine them.
template <class Configuration>
inline void ComputeClock(const ExecutePlan<Configuration>& plan,
                         const Scratchpads<Configuration>& memories,
                         ExecuteState<Configuration>& state) {
  HLS_INLINE
  const LaneReads<Configuration> reads = ReadsOfClock<Configuration>(plan, state);
  const LineOfWords<Configuration> words = DealToLanes<Configuration>(
      ReadBanks<Configuration>(memories, reads), reads, plan.window.pad_value);
  // POOL, ADD and MULTIPLY have no weights; they read tile 0 and leave it.
  const WeightTile<Configuration> weights = SelectWeights<Configuration>(
      ReadWeights<Configuration>(memories, UsesWeights(plan.mode) ? state.window.weight_tile : 0),
      plan.mode == ExecuteMode::kDepthwise, state.window.weight_row);
  const bool starts = state.clock < (IsElementwise(plan.mode) ? 1 : plan.window.groups);
  ComputeStep<Configuration>(plan.mode, weights, words, reads, starts, state.tile);
  if (!IsElementwise(plan.mode)) StepWindow<Configuration>(plan, state.window);
}

// Behind a tile's last clock: hands it to the drain and begins the next one.
template <class Configuration>
inline void EndTile(const ExecutePlan<Configuration>& plan, ExecuteState<Configuration>& state) {
  HLS_INLINE
  FillDrain<Configuration>(plan, state.tile, state.cursor, state.output.line, state.drain);
  const TileMove move = NextTile<Configuration>(plan.tiles, state.cursor);
  MoveLine(plan.output, move, state.output);
  MoveLine(plan.first, move, state.first);
  if (!plan.broadcast || move == TileMove::kBlock) MoveLine(plan.second, move, state.second);
  MoveWindow<Configuration>(plan, move, state.window);
  state.clock = 0;
  state.computing = state.cursor.block < plan.tiles.blocks;
}

// One clock: a step of this tile, and words of the one before.
template <class Configuration>
inline PortUse<Configuration> ExecuteClock(const ExecutePlan<Configuration>& plan,
                                           Scratchpads<Configuration>& memories,
                                           ExecuteState<Configuration>& state) {
  HLS_INLINE
  const bool adds = state.drain.active && plan.mode == ExecuteMode::kAdd;
  if (state.computing && state.clock < plan.computing_clocks) {
    ComputeClock<Configuration>(plan, memories, state);
  }
  const PortUse<Configuration> use{DrainStep<Configuration>(plan, state.drain, memories), adds};
  if (state.computing && state.clock + 1 == plan.tile_clocks) {
    EndTile<Configuration>(plan, state);
  } else {
    state.clock += 1;
  }
  return use;
}

// Runs a planned instruction. Addresses are the caller's to check. `service` may use the memories
// once a clock; the streams that it needs for that are arguments, because no hardware keeps a
// reference.
template <class Configuration, class Service, class... Streams>
ExecuteCounts RunPlan(const ExecutePlan<Configuration>& plan, Scratchpads<Configuration>& memories,
                      Service& service, Streams&... streams) {
  ExecuteState<Configuration> state{};
  HLS_PARTITION(state.tile.value, 0)
  HLS_PARTITION(state.drain.tile.value, 0)
  BeginExecute<Configuration>(plan, state);
  // Counted where the unit works, so that a loop that is too long does not hide.
  std::uint64_t busy_clocks = 0;
  HLS_LABEL(execute_clocks)
  for (std::uint64_t clock = 0; clock < plan.clocks; ++clock) {
    HLS_PIPELINE(1)
    // The drain writes lines, and the service all four memories.
    SLUICE_MEMORIES_INDEPENDENT(memories)
    busy_clocks += state.computing || state.drain.active ? 1 : 0;
    const PortUse<Configuration> use = ExecuteClock<Configuration>(plan, memories, state);
    service.Advance(memories, use, streams...);
  }
  return ExecuteCounts{busy_clocks, plan.multiply_accumulates};
}

// The plan of any EXECUTE instruction.
template <class Configuration>
ExecutePlan<Configuration> PlanOfInstruction(const isa::InstructionWords& words) {
  switch (static_cast<isa::Operation>(isa::DecodeHeader(words).operation)) {
    case isa::Operation::kPool:
      return PlanOf<Configuration>(isa::DecodePool(words));
    case isa::Operation::kAdd:
      return PlanOf<Configuration>(isa::DecodeAddition(words));
    case isa::Operation::kMultiply:
      return PlanOf<Configuration>(isa::DecodeMultiplication(words));
    default:
      return PlanOf<Configuration>(isa::DecodeConvolution(words));
  }
}

// Runs one EXECUTE instruction.
template <class Configuration, class Service, class... Streams>
ExecuteCounts Execute(const isa::InstructionWords& words, Scratchpads<Configuration>& memories,
                      Service& service, Streams&... streams) {
  const ExecutePlan<Configuration> plan = PlanOfInstruction<Configuration>(words);
  return RunPlan<Configuration>(plan, memories, service, streams...);
}

}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_EXECUTE_HPP_
