#include "native/devices/simulator/bounds.hpp"

#include "hls/isa/geometry.hpp"

namespace sluice::simulator {
namespace {

constexpr const char* kEmpty = "a count, size, stride or dilation of 0";
constexpr const char* kLines = "lines beyond the activation memory";
constexpr const char* kTiles = "tiles beyond the weight memory";
constexpr const char* kParameters = "channel blocks beyond the parameter memory";
constexpr const char* kTables = "a table slot that does not exist";
constexpr const char* kRange = "a minimum above the maximum";

// Rows of one tensor in activation memory.
struct Placement {
  std::uint64_t address;
  std::uint64_t blocks;
  std::uint64_t rows;
  std::uint32_t columns;
  std::uint64_t row_pitch;
  std::uint64_t block_pitch;
};

// No field is wider than 32 bits, so nothing here leaves 64.
bool FitsLines(const Placement& place, const Hardware& hardware) {
  const std::uint64_t lines = isa::CeilDivide(place.columns, hardware.pixel_parallel);
  return place.address + (place.blocks - 1) * place.block_pitch +
             (place.rows - 1) * place.row_pitch + lines <=
         hardware.activation_lines;
}

bool FitsRegion(const isa::Transfer& fields, std::uint64_t beats) {
  return std::uint64_t{fields.dram_offset} +
             std::uint64_t{fields.blocks - 1} * fields.dram_block_pitch +
             std::uint64_t{fields.rows - 1} * fields.dram_row_pitch + fields.columns <=
         beats;
}

const char* CheckActivationTransfer(const isa::Transfer& fields, bool is_store,
                                    const Hardware& hardware, const RegionBeats& regions) {
  const auto region = static_cast<isa::Region>(fields.region);
  const bool takes = is_store ? region == isa::Region::kOutput || region == isa::Region::kArena
                              : region != isa::Region::kOutput;
  if (fields.region >= regions.size() || !takes) return "a region that the unit can't reach";
  const Placement place{fields.address, fields.blocks,    fields.rows,
                        fields.columns, fields.row_pitch, fields.block_pitch};
  if (!FitsLines(place, hardware)) return kLines;
  return FitsRegion(fields, regions[fields.region]) ? nullptr : "beats beyond the region";
}

const char* CheckItems(const isa::Transfer& fields, std::uint64_t capacity,
                       std::uint64_t item_beats, const char* reason, const RegionBeats& regions) {
  if (std::uint64_t{fields.address} + fields.rows > capacity) return reason;
  const std::uint64_t end = std::uint64_t{fields.dram_offset} + fields.rows * item_beats;
  const std::uint64_t beats = regions[static_cast<std::size_t>(isa::Region::kWeights)];
  return end <= beats ? nullptr : "beats beyond the region";
}

// POOL and CONVOLVE have these in common.
template <class Window>
bool HasEmptyWindow(const Window& fields) {
  return fields.output_rows == 0 || fields.output_columns == 0 || fields.input_rows == 0 ||
         fields.input_columns == 0 || fields.kernel_rows == 0 || fields.kernel_columns == 0 ||
         fields.stride_rows == 0 || fields.stride_columns == 0 || fields.dilation_rows == 0 ||
         fields.dilation_columns == 0;
}

template <class Window>
bool WindowFitsLines(const Window& fields, std::uint32_t input_blocks, std::uint32_t output_blocks,
                     const Hardware& hardware) {
  return FitsLines(
             Placement{fields.input_address, input_blocks, fields.input_rows, fields.input_columns,
                       fields.input_row_pitch, fields.input_block_pitch},
             hardware) &&
         FitsLines(
             Placement{fields.output_address, output_blocks, fields.output_rows,
                       fields.output_columns, fields.output_row_pitch, fields.output_block_pitch},
             hardware);
}

// ADD and MULTIPLY have these in common.
template <class Elementwise>
const char* CheckElementwise(const Elementwise& fields, const Hardware& hardware) {
  if (fields.rows == 0 || fields.columns == 0 || fields.blocks == 0) return kEmpty;
  const std::uint32_t second_rows = fields.broadcast != 0 ? 1 : fields.rows;
  const std::uint32_t second_columns = fields.broadcast != 0 ? 1 : fields.columns;
  const bool fits =
      FitsLines(Placement{fields.first_address, fields.blocks, fields.rows, fields.columns,
                          fields.first_row_pitch, fields.first_block_pitch},
                hardware) &&
      FitsLines(Placement{fields.second_address, fields.blocks, second_rows, second_columns,
                          fields.second_row_pitch, fields.second_block_pitch},
                hardware) &&
      FitsLines(Placement{fields.output_address, fields.blocks, fields.rows, fields.columns,
                          fields.output_row_pitch, fields.output_block_pitch},
                hardware);
  if (!fits) return kLines;
  return fields.minimum > fields.maximum ? kRange : nullptr;
}

}  // namespace

const char* CheckTransfer(const isa::Transfer& fields, bool is_store, const Hardware& hardware,
                          const RegionBeats& regions) {
  if (fields.columns == 0 || fields.rows == 0 || fields.blocks == 0) return kEmpty;
  const auto memory = static_cast<isa::Memory>(fields.memory);
  if (memory == isa::Memory::kActivation) {
    return CheckActivationTransfer(fields, is_store, hardware, regions);
  }
  if (is_store) return "a memory that STORE can't reach";
  if (static_cast<isa::Region>(fields.region) != isa::Region::kWeights) {
    return "a region that the unit can't reach";
  }
  if (fields.columns != 1 || fields.blocks != 1) return "a shape that this memory does not have";
  switch (memory) {
    case isa::Memory::kWeight:
      return CheckItems(fields, hardware.weight_tiles, hardware.output_parallel, kTiles, regions);
    case isa::Memory::kParameter:
      return CheckItems(fields, hardware.parameter_blocks, isa::kParameterRecordBytes, kParameters,
                        regions);
    case isa::Memory::kTable:
      return CheckItems(fields, hardware.table_slots, isa::kTableBytes / hardware.input_parallel,
                        kTables, regions);
    case isa::Memory::kActivation:
      break;
  }
  return "no such memory";
}

const char* CheckConvolution(const isa::Convolution& fields, const Hardware& hardware) {
  if (HasEmptyWindow(fields) || fields.input_blocks == 0 || fields.output_blocks == 0) {
    return kEmpty;
  }
  const bool depthwise = fields.depthwise != 0;
  if (depthwise && fields.input_blocks != 1) return "a depthwise sum over several blocks";
  const std::uint32_t blocks_read = depthwise ? fields.output_blocks : fields.input_blocks;
  if (!WindowFitsLines(fields, blocks_read, fields.output_blocks, hardware)) return kLines;
  const std::uint32_t taps = fields.kernel_rows * fields.kernel_columns;
  const std::uint64_t tiles_a_block = depthwise ? isa::CeilDivide(taps, hardware.output_parallel)
                                                : std::uint64_t{taps} * fields.input_blocks;
  const std::uint64_t tiles = tiles_a_block * fields.output_blocks;
  if (fields.weight_address + tiles > hardware.weight_tiles) return kTiles;
  if (fields.parameter_address + fields.output_blocks > hardware.parameter_blocks) {
    return kParameters;
  }
  if (fields.table > hardware.table_slots) return kTables;
  return fields.minimum > fields.maximum ? kRange : nullptr;
}

const char* CheckPool(const isa::Pool& fields, const Hardware& hardware) {
  if (HasEmptyWindow(fields) || fields.blocks == 0 || fields.upsample_rows == 0 ||
      fields.upsample_columns == 0) {
    return kEmpty;
  }
  if (!WindowFitsLines(fields, fields.blocks, fields.blocks, hardware)) return kLines;
  if (fields.table > hardware.table_slots) return kTables;
  return fields.minimum > fields.maximum ? kRange : nullptr;
}

const char* CheckAddition(const isa::Addition& fields, const Hardware& hardware) {
  if (fields.first_table >= hardware.table_slots || fields.second_table >= hardware.table_slots) {
    return kTables;
  }
  if (fields.shift == 0 || fields.shift > 30) return "a shift outside 1 to 30";
  return CheckElementwise(fields, hardware);
}

const char* CheckMultiplication(const isa::Multiplication& fields, const Hardware& hardware) {
  if (fields.shift == 0) return "a shift of 0";
  return CheckElementwise(fields, hardware);
}

}  // namespace sluice::simulator
