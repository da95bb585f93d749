#include <initializer_list>

#include "hls/testing.hpp"
#include "native/tests/program_builder.hpp"

namespace sluice::testing {
namespace {

using isa::Memory;
using isa::Region;

constexpr std::uint32_t kBlocks = 2;
constexpr std::uint32_t kTaps = 9;
constexpr std::uint32_t kTables = 3;
// Rows and columns of the input, of what is reduced, and of the output.
constexpr std::uint32_t kRows = 4;
constexpr std::uint32_t kColumns = 5;
constexpr std::uint32_t kReducedRows = 2;
constexpr std::uint32_t kReducedColumns = 3;
constexpr std::uint32_t kOutputColumns = 6;

std::uint32_t Ceil(std::uint32_t count, std::uint32_t size) { return (count + size - 1) / size; }

isa::InstructionWords With(isa::InstructionWords words, std::initializer_list<isa::Field> tokens) {
  for (const isa::Field& token : tokens) isa::Place(words, token, 1);
  return words;
}

isa::InstructionWords LoadItems(Memory memory, std::uint32_t beat, std::uint32_t count) {
  isa::Transfer fields{};
  fields.memory = static_cast<std::uint32_t>(memory);
  fields.dram_offset = beat;
  fields.columns = fields.blocks = 1;
  fields.rows = count;
  return isa::AssembleLoad(fields);
}

// A packed transfer of two blocks.
isa::Transfer Packed(Region region, std::uint32_t address, std::uint32_t rows,
                     std::uint32_t columns, std::uint32_t lines) {
  isa::Transfer fields{};
  fields.region = static_cast<std::uint32_t>(region);
  fields.address = address;
  fields.columns = fields.dram_row_pitch = columns;
  fields.rows = rows;
  fields.blocks = kBlocks;
  fields.dram_block_pitch = rows * columns;
  fields.row_pitch = lines;
  fields.block_pitch = rows * lines;
  return fields;
}

isa::Convolution DenseOf(const SamplePlaces& places) {
  isa::Convolution fields{};
  fields.input_address = places.input;
  fields.output_address = places.convolved;
  fields.output_rows = fields.input_rows = kRows;
  fields.output_columns = fields.input_columns = kColumns;
  fields.output_blocks = fields.input_blocks = kBlocks;
  fields.kernel_rows = fields.kernel_columns = 3;
  fields.stride_rows = fields.stride_columns = 1;
  fields.dilation_rows = fields.dilation_columns = 1;
  fields.pad_top = fields.pad_left = 1;
  fields.input_row_pitch = fields.output_row_pitch = places.wide_lines;
  fields.input_block_pitch = fields.output_block_pitch = kRows * places.wide_lines;
  fields.pad_value = -3;
  fields.output_zero_point = 5;
  fields.minimum = -100;
  fields.maximum = 127;
  fields.table = 3;
  return fields;
}

isa::Convolution DepthwiseOf(const SamplePlaces& places) {
  isa::Convolution fields = DenseOf(places);
  fields.input_address = places.convolved;
  fields.weight_address = kBlocks * kTaps * kBlocks;
  fields.parameter_address = kBlocks;
  fields.output_address = places.reduced;
  fields.output_rows = kReducedRows;
  fields.output_columns = kReducedColumns;
  fields.input_blocks = 1;
  fields.stride_rows = fields.stride_columns = 2;
  fields.output_row_pitch = places.narrow_lines;
  fields.output_block_pitch = kReducedRows * places.narrow_lines;
  fields.depthwise = 1;
  fields.table = 0;
  return fields;
}

isa::Pool PoolOf(const SamplePlaces& places) {
  isa::Pool fields{};
  fields.input_address = places.convolved;
  fields.output_address = places.pooled;
  fields.output_rows = kReducedRows;
  fields.output_columns = kReducedColumns;
  fields.blocks = kBlocks;
  fields.input_rows = kRows;
  fields.input_columns = kColumns;
  fields.kernel_rows = fields.kernel_columns = 2;
  fields.stride_rows = fields.stride_columns = 2;
  fields.dilation_rows = fields.dilation_columns = 1;
  fields.input_row_pitch = places.wide_lines;
  fields.input_block_pitch = kRows * places.wide_lines;
  fields.output_row_pitch = places.narrow_lines;
  fields.output_block_pitch = kReducedRows * places.narrow_lines;
  fields.pad_value = fields.minimum = -128;
  fields.maximum = 127;
  fields.upsample_rows = fields.upsample_columns = 1;
  return fields;
}

// The product onto itself.
isa::Pool CopyOf(const SamplePlaces& places) {
  isa::Pool fields = PoolOf(places);
  fields.input_address = fields.output_address = places.product;
  fields.input_rows = kReducedRows;
  fields.input_columns = kReducedColumns;
  fields.kernel_rows = fields.kernel_columns = 1;
  fields.stride_rows = fields.stride_columns = 1;
  fields.input_row_pitch = places.narrow_lines;
  fields.input_block_pitch = kReducedRows * places.narrow_lines;
  return fields;
}

isa::Pool UpsampleOf(const SamplePlaces& places) {
  isa::Pool fields = CopyOf(places);
  fields.input_address = places.reloaded;
  fields.output_address = places.upsampled;
  fields.output_rows = kRows;
  fields.output_columns = kOutputColumns;
  fields.output_row_pitch = places.upsampled_lines;
  fields.output_block_pitch = kRows * places.upsampled_lines;
  fields.upsample_rows = fields.upsample_columns = 2;
  return fields;
}

isa::Addition AddOf(const SamplePlaces& places) {
  isa::Addition fields{};
  fields.first_address = fields.output_address = places.reduced;
  fields.second_address = places.pooled;
  fields.rows = kReducedRows;
  fields.columns = kReducedColumns;
  fields.blocks = kBlocks;
  fields.first_row_pitch = fields.second_row_pitch = fields.output_row_pitch = places.narrow_lines;
  fields.first_block_pitch = fields.second_block_pitch = fields.output_block_pitch =
      kReducedRows * places.narrow_lines;
  fields.second_table = 1;
  fields.shift = 20;
  fields.window = 1;
  fields.output_zero_point = -7;
  fields.minimum = -128;
  fields.maximum = 120;
  return fields;
}

isa::Multiplication MultiplyOf(const SamplePlaces& places) {
  isa::Multiplication fields{};
  fields.first_address = places.reduced;
  fields.second_address = places.pooled;
  fields.output_address = places.product;
  fields.rows = kReducedRows;
  fields.columns = kReducedColumns;
  fields.blocks = kBlocks;
  fields.first_row_pitch = fields.second_row_pitch = fields.output_row_pitch = places.narrow_lines;
  fields.first_block_pitch = fields.second_block_pitch = fields.output_block_pitch =
      kReducedRows * places.narrow_lines;
  fields.broadcast = 1;
  fields.first_zero_point = 4;
  fields.second_zero_point = -9;
  fields.multiplier = 12'345'678;
  fields.shift = 30;
  fields.minimum = -128;
  fields.maximum = 127;
  return fields;
}

void Append(FileBytes* bytes, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) {
    bytes->push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

// Tiles, records and tables, one after the other.
FileBytes WeightsOf(const Hardware& hardware, const SamplePlaces& places) {
  Random random(17);
  FileBytes weights;
  while (weights.size() < std::size_t{places.record_beat} * hardware.input_parallel) {
    weights.push_back(static_cast<std::uint8_t>(random.Between(-127, 127)));
  }
  for (std::uint32_t record = 0; record < 2 * kBlocks * hardware.output_parallel; ++record) {
    Append(&weights, static_cast<std::uint32_t>(random.Between(-9000, 9000)));
    const auto multiplier = static_cast<std::uint32_t>(random.Between(1 << 23, (1 << 24) - 1));
    Append(&weights, multiplier | 34u << 24);
  }
  for (std::uint32_t entry = 0; entry < kTables * isa::kTableEntries; ++entry) {
    Append(&weights, static_cast<std::uint32_t>(random.Between(-(1 << 26), 1 << 26)));
  }
  return weights;
}

}  // namespace

SamplePlaces PlacesOf(const Hardware& hardware) {
  SamplePlaces places{};
  places.wide_lines = Ceil(kColumns, hardware.pixel_parallel);
  places.narrow_lines = Ceil(kReducedColumns, hardware.pixel_parallel);
  places.upsampled_lines = Ceil(kOutputColumns, hardware.pixel_parallel);
  const std::uint32_t wide = kBlocks * kRows * places.wide_lines;
  const std::uint32_t narrow = kBlocks * kReducedRows * places.narrow_lines;
  places.convolved = wide;
  places.reduced = places.convolved + wide;
  places.pooled = places.reduced + narrow;
  places.product = places.pooled + narrow;
  places.reloaded = places.product + narrow;
  places.upsampled = places.reloaded + narrow;
  places.lines = places.upsampled + kBlocks * kRows * places.upsampled_lines;
  places.tiles = kBlocks * kTaps * kBlocks + kBlocks * Ceil(kTaps, hardware.input_parallel);
  places.record_beat = places.tiles * hardware.output_parallel;
  places.table_beat = places.record_beat + 2 * kBlocks * isa::kParameterRecordBytes;
  places.weight_beats = places.table_beat + kTables * isa::kTableBytes / hardware.input_parallel;
  return places;
}

ProgramParts MakeSample(const Hardware& hardware) {
  namespace header = isa::header;
  const SamplePlaces places = PlacesOf(hardware);
  const auto narrow = [&](Region region, std::uint32_t address) {
    return Packed(region, address, kReducedRows, kReducedColumns, places.narrow_lines);
  };
  ProgramParts parts;
  parts.weights = WeightsOf(hardware, places);
  parts.input_bytes = kBlocks * kRows * kColumns * hardware.input_parallel;
  parts.output_bytes = kBlocks * kRows * kOutputColumns * hardware.input_parallel;
  parts.arena_bytes = kBlocks * kReducedRows * kReducedColumns * hardware.input_parallel;
  parts.instructions = {
      LoadItems(Memory::kWeight, 0, places.tiles),
      LoadItems(Memory::kParameter, places.record_beat, 2 * kBlocks),
      LoadItems(Memory::kTable, places.table_beat, kTables),
      With(isa::AssembleLoad(
               Packed(Region::kInput, places.input, kRows, kColumns, places.wide_lines)),
           {header::kPushNext}),
      With(isa::AssembleConvolve(DenseOf(places)), {header::kPopPrevious}),
      isa::AssembleConvolve(DepthwiseOf(places)),
      isa::AssemblePool(PoolOf(places)),
      isa::AssembleAdd(AddOf(places)),
      With(isa::AssembleMultiply(MultiplyOf(places)), {header::kPushNext}),
      With(isa::AssembleStore(narrow(Region::kArena, places.product)),
           {header::kPopPrevious, header::kPushPrevious}),
      With(isa::AssemblePool(CopyOf(places)), {header::kPopNext, header::kPushPrevious}),
      With(isa::AssembleLoad(narrow(Region::kArena, places.reloaded)),
           {header::kPopNext, header::kPushNext}),
      With(isa::AssemblePool(UpsampleOf(places)), {header::kPopPrevious, header::kPushNext}),
      With(isa::AssembleStore(Packed(Region::kOutput, places.upsampled, kRows, kOutputColumns,
                                     places.upsampled_lines)),
           {header::kPopPrevious}),
      isa::AssembleFinish()};
  return parts;
}

}  // namespace sluice::testing
