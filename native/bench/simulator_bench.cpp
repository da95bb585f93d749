// How fast the functional simulator computes: single instructions, repeated, on one thread, for
// each set of kernels that this processor has; and a plain int8 loop beside them.
//   simulator_bench [configuration ...]      kv260-m and kv260-l when none is named
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "hls/isa/generated/assemble.hpp"
#include "hls/isa/geometry.hpp"
#include "hls/testing.hpp"
#include "native/devices/simulator/kernels/kernels.hpp"
#include "native/devices/simulator/simulator.hpp"

namespace sluice {
namespace {

// Times that a run repeats the instruction, and runs of which the fastest counts.
constexpr std::uint32_t kRepetitions = 20;
constexpr int kRuns = 7;

enum class Kind { kDense, kDepthwise, kPool, kAdd, kMultiply, kLoadWeights };

// A layer; `kernel`, `stride` in both directions, padded to keep rows / stride.
struct Shape {
  const char* name;
  Kind kind;
  std::uint32_t size;
  std::uint32_t inputs;
  std::uint32_t outputs;
  std::uint32_t kernel;
  std::uint32_t stride;
};

constexpr Shape kShapes[] = {
    {"3x3 56x56 64->64", Kind::kDense, 56, 64, 64, 3, 1},
    {"3x3 28x28 128->128", Kind::kDense, 28, 128, 128, 3, 1},
    {"3x3/2 56x56 64->128", Kind::kDense, 56, 64, 128, 3, 2},
    {"3x3 7x7 512->112", Kind::kDense, 7, 512, 112, 3, 1},
    {"1x1 28x28 128->128", Kind::kDense, 28, 128, 128, 1, 1},
    {"1x1 14x14 384->64", Kind::kDense, 14, 384, 64, 1, 1},
    {"1x1 7x7 320->1280", Kind::kDense, 7, 320, 1280, 1, 1},
    {"matrix 1x1280x608", Kind::kDense, 1, 1280, 608, 1, 1},
    {"depthwise 3x3 56x56 64", Kind::kDepthwise, 56, 64, 64, 3, 1},
    {"depthwise 3x3/2 56x56 64", Kind::kDepthwise, 56, 64, 64, 3, 2},
    {"depthwise 3x3 14x14 384", Kind::kDepthwise, 14, 384, 384, 3, 1},
    {"pool 3x3/2 56x56 64", Kind::kPool, 56, 64, 64, 3, 2},
    {"add 56x56 64", Kind::kAdd, 56, 64, 64, 1, 1},
    {"multiply 56x56 64", Kind::kMultiply, 56, 64, 64, 1, 1},
    {"load 512 KiB of weights", Kind::kLoadWeights, 1, 1024, 512, 1, 1},
};

std::uint32_t OutputSize(const Shape& shape) { return (shape.size - 1) / shape.stride + 1; }

// Products, or bytes of the output where nothing is summed.
double WorkOf(const Shape& shape) {
  const double words = static_cast<double>(OutputSize(shape)) * OutputSize(shape) * shape.outputs;
  const double taps = static_cast<double>(shape.kernel) * shape.kernel;
  if (shape.kind == Kind::kDense) return words * taps * shape.inputs;
  if (shape.kind == Kind::kLoadWeights) return words * shape.inputs;
  return shape.kind == Kind::kDepthwise ? words * taps : words;
}

// Where a shape's tensors lie on a configuration.
struct Layout {
  std::uint32_t width;
  std::uint32_t input_pitch;
  std::uint32_t output_pitch;
  std::uint32_t input_blocks;
  std::uint32_t output_blocks;
  std::uint32_t output_size;
  std::uint32_t output_address;

  Layout(const Shape& shape, const Hardware& hardware)
      : width(hardware.input_parallel),
        input_pitch(isa::CeilDivide(shape.size, hardware.pixel_parallel)),
        output_pitch(isa::CeilDivide(OutputSize(shape), hardware.pixel_parallel)),
        input_blocks(isa::CeilDivide(shape.inputs, width)),
        output_blocks(isa::CeilDivide(shape.outputs, width)),
        output_size(OutputSize(shape)),
        output_address(input_blocks * shape.size * input_pitch) {}
};

template <class Fields>
void PutWindow(const Shape& shape, const Layout& layout, Fields& f) {
  f.output_address = layout.output_address;
  f.output_rows = f.output_columns = layout.output_size;
  f.input_rows = f.input_columns = shape.size;
  f.kernel_rows = f.kernel_columns = shape.kernel;
  f.stride_rows = f.stride_columns = shape.stride;
  f.dilation_rows = f.dilation_columns = 1;
  f.pad_top = f.pad_left = shape.kernel / 2;
  f.input_row_pitch = layout.input_pitch;
  f.input_block_pitch = layout.input_pitch * shape.size;
  f.output_row_pitch = layout.output_pitch;
  f.output_block_pitch = layout.output_pitch * layout.output_size;
  f.minimum = -128;
  f.maximum = 127;
}

template <class Fields>
void PutOperands(const Shape& shape, const Layout& layout, Fields& f) {
  f.output_address = layout.output_address;
  f.rows = f.columns = shape.size;
  f.blocks = layout.input_blocks;
  f.first_row_pitch = f.second_row_pitch = f.output_row_pitch = layout.input_pitch;
  f.first_block_pitch = f.second_block_pitch = f.output_block_pitch =
      layout.input_pitch * shape.size;
  f.shift = 20;
  f.minimum = -128;
  f.maximum = 127;
}

isa::Transfer Items(isa::Memory memory, std::uint32_t offset, std::uint32_t count) {
  isa::Transfer f{};
  f.memory = static_cast<std::uint32_t>(memory);
  f.dram_offset = offset;
  f.columns = f.blocks = 1;
  f.rows = count;
  return f;
}

isa::InstructionWords InstructionOf(const Shape& shape, const Layout& layout) {
  if (shape.kind == Kind::kPool) {
    isa::Pool f{};
    PutWindow(shape, layout, f);
    f.blocks = layout.output_blocks;
    f.upsample_rows = f.upsample_columns = 1;
    return isa::AssemblePool(f);
  }
  if (shape.kind == Kind::kAdd) {
    isa::Addition f{};
    PutOperands(shape, layout, f);
    return isa::AssembleAdd(f);
  }
  if (shape.kind == Kind::kMultiply) {
    isa::Multiplication f{};
    PutOperands(shape, layout, f);
    f.multiplier = 1u << 14;
    return isa::AssembleMultiply(f);
  }
  if (shape.kind == Kind::kLoadWeights) {
    const std::uint32_t tiles = layout.input_blocks * layout.output_blocks;
    return isa::AssembleLoad(Items(isa::Memory::kWeight, 0, tiles));
  }
  isa::Convolution f{};
  PutWindow(shape, layout, f);
  f.output_blocks = layout.output_blocks;
  f.depthwise = shape.kind == Kind::kDepthwise ? 1 : 0;
  f.input_blocks = f.depthwise != 0 ? 1 : layout.input_blocks;
  return isa::AssembleConvolve(f);
}

// Loads random weights, records, a table and an input, and then repeats the instruction.
Program ProgramOf(const Shape& shape, const Layout& layout) {
  testing::Random random(1);
  Program program;
  const std::uint32_t taps = shape.kernel * shape.kernel;
  const bool dense = shape.kind == Kind::kDense || shape.kind == Kind::kLoadWeights;
  const bool convolves = dense || shape.kind == Kind::kDepthwise;
  const std::uint32_t tiles = dense ? taps * layout.input_blocks * layout.output_blocks
                                    : layout.output_blocks * isa::CeilDivide(taps, layout.width);
  const std::uint32_t record_offset = tiles * layout.width;
  const std::uint32_t table_offset = record_offset + layout.output_blocks * 8;
  program.weights.resize(std::size_t{table_offset} * layout.width + isa::kTableBytes);
  for (std::uint8_t& byte : program.weights) {
    byte = static_cast<std::uint8_t>(random.Between(-127, 127));
  }
  for (std::size_t i = 0; i < std::size_t{layout.output_blocks} * layout.width; ++i) {
    // Multiplier 2^23 of some value, shift 40.
    program.weights[record_offset * layout.width + i * 8 + 7] = 40;
  }
  if (convolves) {
    program.instructions.push_back(isa::AssembleLoad(Items(isa::Memory::kWeight, 0, tiles)));
    program.instructions.push_back(
        isa::AssembleLoad(Items(isa::Memory::kParameter, record_offset, layout.output_blocks)));
  } else {
    program.instructions.push_back(isa::AssembleLoad(Items(isa::Memory::kTable, table_offset, 1)));
  }
  isa::Transfer input = Items(isa::Memory::kActivation, 0, layout.input_blocks * shape.size);
  input.region = static_cast<std::uint32_t>(isa::Region::kInput);
  input.columns = shape.size;
  input.dram_row_pitch = shape.size;
  input.row_pitch = layout.input_pitch;
  program.instructions.push_back(isa::AssembleLoad(input));
  const bool executes = shape.kind != Kind::kLoadWeights;
  if (executes) isa::Place(program.instructions.back(), isa::header::kPushNext, 1);
  for (std::uint32_t i = 0; i < kRepetitions; ++i) {
    program.instructions.push_back(InstructionOf(shape, layout));
    if (i == 0 && executes) isa::Place(program.instructions.back(), isa::header::kPopPrevious, 1);
  }
  program.instructions.push_back(isa::AssembleFinish());
  program.input_bytes = std::size_t{shape.size} * shape.size * layout.input_blocks * layout.width;
  return program;
}

// Seconds of the fastest call.
template <class Body>
double FastestSeconds(const Body& body) {
  double fastest = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    fastest = std::min(fastest, taken.count());
  }
  return fastest;
}

// Work a second, in thousands of millions; 0 where the shape does not fit.
double Measure(const Shape& shape, const char* configuration, const char* kernels) {
  std::unique_ptr<Device> device;
  std::shared_ptr<ResidentProgram> resident;
  Status status = OpenSimulator(configuration, SimulatorOptions{1, 1, kernels}, &device);
  if (!status.ok()) return 0;
  const Layout layout(shape, device->hardware());
  Program program = ProgramOf(shape, layout);
  const std::vector<std::uint8_t> input = [&] {
    testing::Random random(2);
    std::vector<std::uint8_t> bytes(program.input_bytes);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.Between(0, 255));
    return bytes;
  }();
  status = device->Load(std::move(program), &resident);
  const std::atomic<bool> stop{false};
  Counters counters;
  const double seconds = FastestSeconds([&] {
    if (status.ok()) status = device->Run(*resident, input, {}, stop, &counters);
  });
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", shape.name, status.reason.c_str());
  return status.ok() ? WorkOf(shape) * kRepetitions / seconds / 1e9 : 0;
}

// The plain loop over a padded copy of the input: what a compiler makes of int8 with no help.
double MeasurePlainLoop(const Shape& shape) {
  const std::size_t padded = shape.size + shape.kernel - 1;
  const std::size_t channels = shape.kind == Kind::kDense ? shape.inputs : 1;
  std::vector<std::int8_t> input(padded * padded * shape.inputs, 3);
  std::vector<std::int8_t> weights(shape.outputs * shape.kernel * shape.kernel * channels, 5);
  const std::size_t size = OutputSize(shape);
  std::vector<std::int32_t> output(size * size * shape.outputs);
  const double seconds = FastestSeconds([&] {
    for (std::size_t y = 0; y < size; ++y) {
      for (std::size_t x = 0; x < size; ++x) {
        for (std::size_t o = 0; o < shape.outputs; ++o) {
          std::int32_t sum = 0;
          for (std::size_t ky = 0; ky < shape.kernel; ++ky) {
            for (std::size_t kx = 0; kx < shape.kernel; ++kx) {
              const std::size_t pixel =
                  ((y * shape.stride + ky) * padded + x * shape.stride + kx) * shape.inputs;
              const std::size_t tap = ((o * shape.kernel + ky) * shape.kernel + kx) * channels;
              const std::size_t first = channels == 1 ? o : 0;
              for (std::size_t i = 0; i < channels; ++i) {
                sum += input[pixel + first + i] * weights[tap + i];
              }
            }
          }
          output[(y * size + x) * shape.outputs + o] = sum;
        }
      }
    }
  });
  return WorkOf(shape) / seconds / 1e9;
}

void PrintTable(const char* configuration) {
  const std::vector<const simulator::KernelSet*> sets = simulator::UsableKernels();
  std::printf("\n%-26s %10s", configuration, "plain loop");
  for (const simulator::KernelSet* set : sets) std::printf(" %12s", set->name);
  std::printf("\n");
  for (const Shape& shape : kShapes) {
    std::printf("%-26s", shape.name);
    const bool sums = shape.kind == Kind::kDense || shape.kind == Kind::kDepthwise;
    if (sums) {
      std::printf(" %10.2f", MeasurePlainLoop(shape));
    } else {
      std::printf(" %10s", "");
    }
    for (const simulator::KernelSet* set : sets) {
      std::printf(" %12.2f", Measure(shape, configuration, set->name));
    }
    std::printf(sums ? "  GMAC/s\n" : "  Gbyte/s\n");
  }
}

}  // namespace
}  // namespace sluice

int main(int count, char** arguments) {
  if (count < 2) {
    sluice::PrintTable("kv260-m");
    sluice::PrintTable("kv260-l");
  }
  for (int i = 1; i < count; ++i) sluice::PrintTable(arguments[i]);
  return 0;
}
