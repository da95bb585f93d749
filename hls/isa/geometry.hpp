// What follows from an instruction's fields: lines, tiles, steps and clocks. README.md has the
// formulas.
#ifndef SLUICE_HLS_ISA_GEOMETRY_HPP_
#define SLUICE_HLS_ISA_GEOMETRY_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"

namespace sluice {
namespace isa {

// Smallest number of groups of `size` that hold `count`. Neither overflows: fields have 32 bits.
inline std::uint32_t CeilDivide(std::uint32_t count, std::uint32_t size) {
  return count / size + (count % size != 0 ? 1 : 0);
}

// Greatest common divisor of a stride (1 to 7) and a number of columns (1 to 16).
inline std::uint32_t CommonDivisor(std::uint32_t stride, std::uint32_t columns) {
  std::uint32_t greatest = 1;
  if (stride % 2 == 0 && columns % 2 == 0) greatest = 2;
  if (stride % 3 == 0 && columns % 3 == 0) greatest = 3;
  if (stride % 4 == 0 && columns % 4 == 0) greatest = 4;
  if (stride % 5 == 0 && columns % 5 == 0) greatest = 5;
  if (stride % 6 == 0 && columns % 6 == 0) greatest = 6;
  if (stride % 7 == 0 && columns % 7 == 0) greatest = 7;
  return greatest;
}

// How an EXECUTE instruction walks through its output. No field is wider than 14 bits, so no
// product of these leaves 64 bits.
struct Walk {
  std::uint64_t tiles;
  std::uint32_t steps;            // S
  std::uint32_t clocks_a_step;    // G
  std::uint32_t products_a_step;  // multiply-accumulates that a step issues, idle lanes included
};

template <class Configuration>
inline Walk WalkOf(const Convolution& fields) {
  const std::uint32_t lines = CeilDivide(fields.output_columns, Configuration::kPixelParallel);
  const std::uint32_t lanes = fields.depthwise != 0 ? 1 : Configuration::kOutputParallel;
  return Walk{std::uint64_t{fields.output_blocks} * fields.output_rows * lines,
              fields.kernel_rows * fields.kernel_columns * fields.input_blocks,
              CommonDivisor(fields.stride_columns, Configuration::kPixelParallel),
              Configuration::kPixelParallel * Configuration::kInputParallel * lanes};
}

template <class Configuration>
inline Walk WalkOf(const Pool& fields) {
  const std::uint32_t lines = CeilDivide(fields.output_columns, Configuration::kPixelParallel);
  return Walk{std::uint64_t{fields.blocks} * fields.output_rows * lines,
              fields.kernel_rows * fields.kernel_columns,
              CommonDivisor(fields.stride_columns, Configuration::kPixelParallel), 0};
}

// ADD and MULTIPLY: one step for each operand.
template <class Configuration>
inline Walk ElementwiseWalk(std::uint32_t rows, std::uint32_t columns, std::uint32_t blocks) {
  const std::uint32_t lines = CeilDivide(columns, Configuration::kPixelParallel);
  return Walk{std::uint64_t{blocks} * rows * lines, 2, 1, 0};
}

template <class Configuration>
inline Walk WalkOf(const Addition& fields) {
  return ElementwiseWalk<Configuration>(fields.rows, fields.columns, fields.blocks);
}

template <class Configuration>
inline Walk WalkOf(const Multiplication& fields) {
  return ElementwiseWalk<Configuration>(fields.rows, fields.columns, fields.blocks);
}

// Clocks in which a tile's words leave the array: D.
template <class Configuration>
inline std::uint32_t DrainClocks() {
  return CeilDivide(Configuration::kPixelParallel, Configuration::kVectorParallel);
}

// Clocks of one tile: T.
template <class Configuration>
inline std::uint32_t TileClocks(const Walk& walk) {
  const std::uint32_t computing = walk.steps * walk.clocks_a_step;
  const std::uint32_t draining = DrainClocks<Configuration>();
  return computing > draining ? computing : draining;
}

// Clocks of the whole instruction.
template <class Configuration>
inline std::uint64_t ExecuteClocks(const Walk& walk) {
  return walk.tiles * TileClocks<Configuration>(walk) + DrainClocks<Configuration>();
}

// Beats that one tile, channel block or table slot has on the bus.
template <class Configuration>
inline std::uint32_t BeatsPerItem(Memory memory) {
  switch (memory) {
    case Memory::kWeight:
      return Configuration::kOutputParallel;
    case Memory::kParameter:
      return kParameterRecordBytes;
    case Memory::kTable:
      return kTableBytes / Configuration::kInputParallel;
    case Memory::kActivation:
      break;
  }
  return 1;
}

// Beats that a LOAD or STORE moves.
template <class Configuration>
inline std::uint64_t TransferBeats(const Transfer& fields) {
  return std::uint64_t{fields.columns} * fields.rows * fields.blocks *
         BeatsPerItem<Configuration>(static_cast<Memory>(fields.memory));
}

}  // namespace isa
}  // namespace sluice

#endif  // SLUICE_HLS_ISA_GEOMETRY_HPP_
