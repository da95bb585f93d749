// Clocks, beats and products of single instructions: against counts made one by one
// (test/golden/npu-cycles, shared with TypeScript), and against the templates of the HLS sources.
#include "native/core/timing/instruction_cost.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/isa/generated/assemble.hpp"
#include "hls/isa/geometry.hpp"
#include "hls/testing.hpp"

namespace {

using sluice::Hardware;
using sluice::testing::Random;
using sluice::timing::CostOf;
using sluice::timing::InstructionCost;
namespace isa = sluice::isa;

using Row = std::map<std::string, std::string>;

std::vector<std::string> Split(const std::string& line) {
  std::vector<std::string> parts;
  std::istringstream stream(line);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

std::vector<Row> ReadTable(const std::string& name) {
  std::ifstream file(std::string(SLUICE_REPOSITORY "/test/golden/npu-cycles/") + name);
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> names = Split(line);
  std::vector<Row> rows;
  while (std::getline(file, line)) {
    const std::vector<std::string> values = Split(line);
    Row row;
    for (std::size_t index = 0; index < names.size(); ++index) row[names[index]] = values.at(index);
    rows.push_back(row);
  }
  return rows;
}

std::uint32_t Number(const Row& row, const char* name) {
  return static_cast<std::uint32_t>(std::stoul(row.at(name)));
}

// Without the memories' sizes: the vectors are larger than the small configurations.
Hardware HardwareNamed(const std::string& name) {
#define SLUICE_RETURN_IF_NAMED(Configuration)                    \
  if (name == Configuration::kName) {                            \
    Hardware hardware = sluice::HardwareOf<Configuration>();     \
    hardware.activation_lines = hardware.weight_tiles = 1 << 20; \
    hardware.parameter_blocks = hardware.table_slots = 1 << 20;  \
    return hardware;                                             \
  }
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_RETURN_IF_NAMED)
#undef SLUICE_RETURN_IF_NAMED
  std::fprintf(stderr, "no configuration %s\n", name.c_str());
  std::abort();
}

isa::InstructionWords ExecuteOf(const Row& row) {
  const std::string& operation = row.at("operation");
  if (operation == "CONVOLVE") {
    isa::Convolution fields{};
    fields.output_blocks = Number(row, "outputBlocks");
    fields.output_rows = Number(row, "outputRows");
    fields.output_columns = Number(row, "outputColumns");
    fields.kernel_rows = Number(row, "kernelRows");
    fields.kernel_columns = Number(row, "kernelColumns");
    fields.input_blocks = Number(row, "inputBlocks");
    fields.stride_columns = Number(row, "strideColumns");
    fields.depthwise = Number(row, "depthwise");
    return isa::AssembleConvolve(fields);
  }
  if (operation == "POOL") {
    isa::Pool fields{};
    fields.blocks = Number(row, "outputBlocks");
    fields.output_rows = Number(row, "outputRows");
    fields.output_columns = Number(row, "outputColumns");
    fields.kernel_rows = Number(row, "kernelRows");
    fields.kernel_columns = Number(row, "kernelColumns");
    fields.stride_columns = Number(row, "strideColumns");
    return isa::AssemblePool(fields);
  }
  isa::Addition fields{};
  fields.blocks = Number(row, "outputBlocks");
  fields.rows = Number(row, "outputRows");
  fields.columns = Number(row, "outputColumns");
  if (operation == "ADD") return isa::AssembleAdd(fields);
  isa::Multiplication product{};
  product.blocks = fields.blocks;
  product.rows = fields.rows;
  product.columns = fields.columns;
  return isa::AssembleMultiply(product);
}

void CheckExecuteVectors() {
  const std::vector<Row> rows = ReadTable("execute.csv");
  SLUICE_CHECK(rows.size() >= 100);
  for (const Row& row : rows) {
    const Hardware hardware = HardwareNamed(row.at("configuration"));
    InstructionCost cost;
    SLUICE_CHECK(CostOf(ExecuteOf(row), hardware, &cost).ok());
    SLUICE_CHECK(cost.unit == isa::Unit::kExecute);
    SLUICE_CHECK(cost.clocks == Number(row, "cycles"));
    SLUICE_CHECK(cost.multiply_accumulates == Number(row, "products"));
  }
}

isa::Memory MemoryNamed(const std::string& name) {
  if (name == "WEIGHT") return isa::Memory::kWeight;
  if (name == "PARAMETER") return isa::Memory::kParameter;
  return name == "TABLE" ? isa::Memory::kTable : isa::Memory::kActivation;
}

void CheckTransferVectors() {
  const std::vector<Row> rows = ReadTable("transfer.csv");
  SLUICE_CHECK(rows.size() >= 100);
  for (const Row& row : rows) {
    const Hardware hardware = HardwareNamed(row.at("configuration"));
    isa::Transfer fields{};
    fields.memory = static_cast<std::uint32_t>(MemoryNamed(row.at("memory")));
    fields.columns = Number(row, "columns");
    fields.rows = Number(row, "rows");
    fields.blocks = Number(row, "blocks");
    fields.dram_row_pitch = Number(row, "dramRowPitch");
    fields.dram_block_pitch = Number(row, "dramBlockPitch");
    InstructionCost cost;
    SLUICE_CHECK(CostOf(isa::AssembleLoad(fields), hardware, &cost).ok());
    SLUICE_CHECK(cost.beats == Number(row, "beats"));
    SLUICE_CHECK(cost.clocks + hardware.memory_latency_cycles == Number(row, "cycles"));
  }
}

template <class Configuration, class Fields>
void CheckTemplate(const Fields& fields, const isa::InstructionWords& words) {
  Hardware hardware = sluice::HardwareOf<Configuration>();
  hardware.activation_lines = 1 << 20;
  const isa::Walk walk = isa::WalkOf<Configuration>(fields);
  InstructionCost cost;
  SLUICE_CHECK(CostOf(words, hardware, &cost).ok());
  SLUICE_CHECK(cost.clocks == isa::ExecuteClocks<Configuration>(walk));
  SLUICE_CHECK(cost.multiply_accumulates == walk.tiles * walk.steps * walk.products_a_step);
}

// Windows, strides and sizes over all that the fields hold, as far as the output is not too large.
template <class Configuration>
void CheckTemplates() {
  Random random(7);
  const auto between = [&random](std::int64_t least, std::int64_t most) {
    return static_cast<std::uint32_t>(random.Between(least, most));
  };
  for (int round = 0; round < 500; ++round) {
    isa::Convolution convolution{};
    convolution.output_blocks = between(1, 20);
    convolution.output_rows = between(1, 40);
    convolution.output_columns = between(1, 1023);
    convolution.kernel_rows = between(1, 63);
    convolution.kernel_columns = between(1, 63);
    convolution.stride_columns = between(1, 7);
    convolution.depthwise = between(0, 1);
    convolution.input_blocks = convolution.depthwise != 0 ? 1 : between(1, 511);
    CheckTemplate<Configuration>(convolution, isa::AssembleConvolve(convolution));
    isa::Pool pool{};
    pool.blocks = convolution.output_blocks;
    pool.output_rows = convolution.output_rows;
    pool.output_columns = convolution.output_columns;
    pool.kernel_rows = convolution.kernel_rows;
    pool.kernel_columns = convolution.kernel_columns;
    pool.stride_columns = convolution.stride_columns;
    CheckTemplate<Configuration>(pool, isa::AssemblePool(pool));
    isa::Addition addition{};
    addition.blocks = pool.blocks;
    addition.rows = pool.output_rows;
    addition.columns = pool.output_columns;
    CheckTemplate<Configuration>(addition, isa::AssembleAdd(addition));
  }
}

// One line or item more than the memory holds, nothing at all, and what does not exist.
void CheckRefusals() {
  Hardware hardware = sluice::HardwareOf<sluice::configurations::Ci>();
  InstructionCost cost;
  isa::Addition addition{};
  addition.blocks = 1;
  addition.rows = 2;
  addition.columns = 1023;
  SLUICE_CHECK(!CostOf(isa::AssembleAdd(addition), hardware, &cost).ok());
  addition.rows = 1;
  SLUICE_CHECK(CostOf(isa::AssembleAdd(addition), hardware, &cost).ok());
  addition.blocks = 0;
  SLUICE_CHECK(!CostOf(isa::AssembleAdd(addition), hardware, &cost).ok());
  isa::Transfer transfer{};
  transfer.memory = static_cast<std::uint32_t>(isa::Memory::kWeight);
  transfer.columns = transfer.blocks = 1;
  transfer.rows = hardware.weight_tiles;
  SLUICE_CHECK(CostOf(isa::AssembleLoad(transfer), hardware, &cost).ok());
  ++transfer.rows;
  SLUICE_CHECK(!CostOf(isa::AssembleLoad(transfer), hardware, &cost).ok());
  transfer.memory = 7;
  transfer.rows = 1;
  SLUICE_CHECK(!CostOf(isa::AssembleLoad(transfer), hardware, &cost).ok());
  SLUICE_CHECK(!CostOf(isa::InstructionWords{}, hardware, &cost).ok());
  SLUICE_CHECK(sluice::timing::CheckHardware(hardware).ok());
  hardware.burst_beats_max = 0;
  SLUICE_CHECK(!sluice::timing::CheckHardware(hardware).ok());
}

}  // namespace

int main() {
  CheckExecuteVectors();
  CheckTransferVectors();
#define SLUICE_CHECK_TEMPLATES(Configuration) CheckTemplates<Configuration>();
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_CHECK_TEMPLATES)
#undef SLUICE_CHECK_TEMPLATES
  CheckRefusals();
  return sluice::testing::Finish();
}
