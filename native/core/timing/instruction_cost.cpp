#include "native/core/timing/instruction_cost.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "hls/isa/geometry.hpp"

namespace sluice::timing {
namespace {

// Far beyond any part there is, and small enough that no product below leaves 64 bits.
constexpr std::uint32_t kParallelMax = 64;
constexpr std::uint32_t kMemoryItemsMax = 1 << 20;
constexpr std::uint32_t kClockMhzMax = 10'000;
constexpr std::uint32_t kMegabytesPerSecondMax = 1'000'000;
constexpr std::uint32_t kTimingCyclesMax = 10'000;

constexpr std::uint32_t kTableEntryBytes = isa::kTableBytes / isa::kTableEntries;

// Rows and columns of output, and the steps that each of its tiles takes.
struct Shape {
  std::uint32_t blocks;
  std::uint32_t rows;
  std::uint32_t columns;
  std::uint32_t steps;
  std::uint32_t clocks_a_step;
};

Status TooLarge(const char* what, std::uint64_t value, std::uint64_t most) {
  return ProgramInvalid(std::string(what) + " of " + std::to_string(value) + ", at most " +
                        std::to_string(most) + " expected");
}

Status ZeroSize() { return ProgramInvalid("a count, size, kernel or stride of 0"); }

// Every tile writes a line of its own.
Status ExecuteCost(const Shape& shape, const Hardware& hardware, InstructionCost* cost,
                   std::uint64_t* tiles) {
  const std::uint32_t lines = isa::CeilDivide(shape.columns, hardware.pixel_parallel);
  *tiles = std::uint64_t{shape.blocks} * shape.rows * lines;
  if (*tiles == 0 || shape.steps == 0 || shape.clocks_a_step == 0) return ZeroSize();
  if (*tiles > hardware.activation_lines) {
    return TooLarge("output lines", *tiles, hardware.activation_lines);
  }
  const std::uint64_t drain = isa::CeilDivide(hardware.pixel_parallel, hardware.vector_parallel);
  const std::uint64_t computing = std::uint64_t{shape.steps} * shape.clocks_a_step;
  cost->clocks = *tiles * std::max(computing, drain) + drain;
  return Ok();
}

// P lanes that read columns a stride apart meet in P / gcd banks.
std::uint32_t ClocksPerStep(std::uint32_t stride_columns, const Hardware& hardware) {
  return stride_columns == 0 ? 0 : std::gcd(stride_columns, hardware.pixel_parallel);
}

Status ConvolveCost(const isa::Convolution& fields, const Hardware& hardware,
                    InstructionCost* cost) {
  const Shape shape{fields.output_blocks, fields.output_rows, fields.output_columns,
                    fields.kernel_rows * fields.kernel_columns * fields.input_blocks,
                    ClocksPerStep(fields.stride_columns, hardware)};
  std::uint64_t tiles = 0;
  Status status = ExecuteCost(shape, hardware, cost, &tiles);
  if (!status.ok()) return status;
  const std::uint64_t lanes = fields.depthwise != 0 ? 1 : hardware.output_parallel;
  cost->multiply_accumulates =
      tiles * shape.steps * hardware.pixel_parallel * hardware.input_parallel * lanes;
  return status;
}

Status PoolCost(const isa::Pool& fields, const Hardware& hardware, InstructionCost* cost) {
  const Shape shape{fields.blocks, fields.output_rows, fields.output_columns,
                    fields.kernel_rows * fields.kernel_columns,
                    ClocksPerStep(fields.stride_columns, hardware)};
  std::uint64_t tiles = 0;
  return ExecuteCost(shape, hardware, cost, &tiles);
}

// ADD and MULTIPLY: a step for each operand.
template <class Fields>
Status ElementwiseCost(const Fields& fields, const Hardware& hardware, InstructionCost* cost) {
  const Shape shape{fields.blocks, fields.rows, fields.columns, 2, 1};
  std::uint64_t tiles = 0;
  return ExecuteCost(shape, hardware, cost, &tiles);
}

// Contiguous runs of beats off chip: rows that follow one another without a gap are one.
struct Runs {
  std::uint64_t count;
  std::uint64_t beats;
};

Runs RunsOf(const isa::Transfer& fields) {
  if (fields.rows > 1 && fields.dram_row_pitch != fields.columns) {
    return Runs{std::uint64_t{fields.rows} * fields.blocks, fields.columns};
  }
  const std::uint64_t block = std::uint64_t{fields.rows} * fields.columns;
  if (fields.blocks > 1 && fields.dram_block_pitch != block) return Runs{fields.blocks, block};
  return Runs{1, fields.blocks * block};
}

// From one burst's end to the next one's: the clocks in which its beats pass, or its share of the
// latency when too few are in flight to hide it.
std::uint64_t BurstClocks(std::uint64_t passing, const Hardware& hardware) {
  const std::uint64_t turn = hardware.memory_latency_cycles + passing;
  return std::max(passing, (turn + kOutstandingBursts - 1) / kOutstandingBursts);
}

// Items of a memory, the beats of one, and the clocks that a beat takes to be written.
struct MemoryShape {
  std::uint64_t items;
  std::uint64_t beats;
  std::uint64_t clocks_a_beat;
};

bool ShapeOf(std::uint32_t memory, const Hardware& hardware, MemoryShape* shape) {
  switch (static_cast<isa::Memory>(memory)) {
    case isa::Memory::kActivation:
      *shape = {std::uint64_t{hardware.activation_lines} * hardware.pixel_parallel, 1, 1};
      return true;
    case isa::Memory::kWeight:
      *shape = {hardware.weight_tiles, hardware.output_parallel, 1};
      return true;
    case isa::Memory::kParameter:
      *shape = {hardware.parameter_blocks, isa::kParameterRecordBytes, 1};
      return true;
    case isa::Memory::kTable:
      // Every copy of the tables takes one entry a clock.
      *shape = {hardware.table_slots, isa::kTableBytes / hardware.input_parallel,
                isa::CeilDivide(hardware.input_parallel, kTableEntryBytes)};
      return true;
  }
  return false;
}

Status TransferCost(const isa::Transfer& fields, const Hardware& hardware, InstructionCost* cost) {
  MemoryShape memory{};
  if (!ShapeOf(fields.memory, hardware, &memory)) {
    return ProgramInvalid("memory " + std::to_string(fields.memory) + " does not exist");
  }
  Runs runs = RunsOf(fields);
  const std::uint64_t items = runs.count * runs.beats;
  if (items == 0) return ZeroSize();
  if (items > memory.items) return TooLarge("a transfer", items, memory.items);
  runs.beats *= memory.beats;
  const std::uint64_t full = runs.beats / hardware.burst_beats_max;
  const std::uint64_t rest = runs.beats % hardware.burst_beats_max;
  const std::uint64_t full_clocks =
      BurstClocks(hardware.burst_beats_max * memory.clocks_a_beat, hardware);
  const std::uint64_t run =
      full * full_clocks + (rest == 0 ? 0 : BurstClocks(rest * memory.clocks_a_beat, hardware));
  cost->beats = runs.count * runs.beats;
  cost->passing_clocks = cost->beats * memory.clocks_a_beat;
  cost->clocks = runs.count * run;
  return Ok();
}

}  // namespace

Status CheckHardware(const Hardware& hardware) {
  struct Bound {
    const char* name;
    std::uint32_t value;
    std::uint32_t least;
    std::uint32_t most;
  };
  const Bound bounds[] = {
      {"inputParallel", hardware.input_parallel, 1, kParallelMax},
      {"outputParallel", hardware.output_parallel, 1, kParallelMax},
      {"pixelParallel", hardware.pixel_parallel, 1, kParallelMax},
      {"vectorParallel", hardware.vector_parallel, 1, kParallelMax},
      {"activationLines", hardware.activation_lines, 1, kMemoryItemsMax},
      {"weightTiles", hardware.weight_tiles, 1, kMemoryItemsMax},
      {"parameterBlocks", hardware.parameter_blocks, 1, kMemoryItemsMax},
      {"tableSlots", hardware.table_slots, 1, kMemoryItemsMax},
      {"clockMhz", hardware.clock_mhz, 1, kClockMhzMax},
      {"dispatchCycles", hardware.dispatch_cycles, 0, kTimingCyclesMax},
      {"executeFillCycles", hardware.execute_fill_cycles, 0, kTimingCyclesMax},
      {"memoryLatencyCycles", hardware.memory_latency_cycles, 0, kTimingCyclesMax},
      {"burstBeatsMax", hardware.burst_beats_max, 1, kMemoryItemsMax},
      {"memoryMegabytesPerSecond", hardware.memory_megabytes_per_second, 1, kMegabytesPerSecondMax},
  };
  for (const Bound& bound : bounds) {
    if (bound.value >= bound.least && bound.value <= bound.most) continue;
    return ProgramInvalid(std::string("estimate: ") + bound.name + " " +
                          std::to_string(bound.value) + ", " + std::to_string(bound.least) +
                          " to " + std::to_string(bound.most) + " expected");
  }
  return Ok();
}

Status CostOf(const isa::InstructionWords& words, const Hardware& hardware, InstructionCost* cost) {
  *cost = InstructionCost{};
  cost->header = isa::DecodeHeader(words);
  if (!isa::UnitOf(cost->header.operation, cost->unit)) {
    return ProgramInvalid("operation " + std::to_string(cost->header.operation) +
                          " does not exist");
  }
  switch (static_cast<isa::Operation>(cost->header.operation)) {
    case isa::Operation::kLoad:
    case isa::Operation::kStore:
      return TransferCost(isa::DecodeTransfer(words), hardware, cost);
    case isa::Operation::kConvolve:
      return ConvolveCost(isa::DecodeConvolution(words), hardware, cost);
    case isa::Operation::kPool:
      return PoolCost(isa::DecodePool(words), hardware, cost);
    case isa::Operation::kAdd:
      return ElementwiseCost(isa::DecodeAddition(words), hardware, cost);
    case isa::Operation::kMultiply:
      return ElementwiseCost(isa::DecodeMultiplication(words), hardware, cost);
    case isa::Operation::kFinish:
      return Ok();
  }
  return Ok();
}

}  // namespace sluice::timing
