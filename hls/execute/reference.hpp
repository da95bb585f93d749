// The EXECUTE instructions as hls/isa/README.md writes them: plain loops, float32 requantisation.
#ifndef SLUICE_HLS_EXECUTE_REFERENCE_HPP_
#define SLUICE_HLS_EXECUTE_REFERENCE_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "hls/reference_memories.hpp"
#include "hls/requantise/reference.hpp"

namespace sluice {
namespace reference {

inline std::int8_t ClampInt8(std::int64_t value, std::int32_t minimum, std::int32_t maximum) {
  return static_cast<std::int8_t>(
      std::max<std::int64_t>(minimum, std::min<std::int64_t>(maximum, value)));
}

// The low 8 bits of the entry for `value`; the value itself without a table.
inline std::int8_t LookUpInt8(Memories& memories, std::uint32_t table, std::int8_t value) {
  if (table == 0) return value;
  const std::int32_t entry = memories.Table(table - 1, static_cast<std::size_t>(value + 128));
  const std::int32_t low = ((entry % 256) + 256) % 256;
  return static_cast<std::int8_t>(low < 128 ? low : low - 256);
}

// input(b, row, column)[lane] with padding outside, in the coordinates of the enlarged input.
template <class Fields>
std::int8_t Tap(Memories& memories, const Fields& fields, std::size_t block, std::int64_t row,
                std::int64_t column, std::size_t lane, std::int64_t upsample_rows = 1,
                std::int64_t upsample_columns = 1) {
  const bool inside = row >= 0 && column >= 0 && row < fields.input_rows * upsample_rows &&
                      column < fields.input_columns * upsample_columns;
  if (!inside) return static_cast<std::int8_t>(fields.pad_value);
  const std::size_t line = fields.input_address + block * fields.input_block_pitch +
                           static_cast<std::size_t>(row / upsample_rows) * fields.input_row_pitch;
  return memories.Pixel(line, static_cast<std::size_t>(column / upsample_columns), lane);
}

// Position of tap `k` of output `index` along one direction.
inline std::int64_t TapPosition(std::uint32_t index, std::uint32_t stride, std::uint32_t k,
                                std::uint32_t dilation, std::uint32_t pad) {
  return std::int64_t{index} * stride + std::int64_t{k} * dilation - pad;
}

// The sum of one output channel.
inline std::int64_t ConvolutionSum(Memories& memories, const isa::Convolution& f, std::uint32_t o,
                                   std::uint32_t y, std::uint32_t x, std::size_t lane) {
  const std::size_t width = memories.width;
  const std::size_t taps = f.kernel_rows * f.kernel_columns;
  std::int64_t sum = 0;
  for (std::uint32_t ky = 0; ky < f.kernel_rows; ++ky) {
    for (std::uint32_t kx = 0; kx < f.kernel_columns; ++kx) {
      const std::int64_t row = TapPosition(y, f.stride_rows, ky, f.dilation_rows, f.pad_top);
      const std::int64_t column =
          TapPosition(x, f.stride_columns, kx, f.dilation_columns, f.pad_left);
      const std::size_t tap = ky * f.kernel_columns + kx;
      if (f.depthwise != 0) {
        const std::size_t tile = f.weight_address + o * ((taps + width - 1) / width) + tap / width;
        sum += std::int64_t{memories.Weight(tile, tap % width, lane)} *
               Tap(memories, f, o, row, column, lane);
        continue;
      }
      for (std::uint32_t i = 0; i < f.input_blocks; ++i) {
        const std::size_t tile = f.weight_address + (o * taps + tap) * f.input_blocks + i;
        for (std::size_t j = 0; j < width; ++j) {
          sum += std::int64_t{memories.Weight(tile, lane, j)} * Tap(memories, f, i, row, column, j);
        }
      }
    }
  }
  return sum;
}

inline void Convolve(Memories& memories, const isa::Convolution& f) {
  for (std::uint32_t o = 0; o < f.output_blocks; ++o) {
    for (std::uint32_t y = 0; y < f.output_rows; ++y) {
      const std::size_t line = f.output_address + o * f.output_block_pitch + y * f.output_row_pitch;
      for (std::uint32_t x = 0; x < f.output_columns; ++x) {
        for (std::size_t lane = 0; lane < memories.width; ++lane) {
          const ChannelRecord& record =
              memories.parameter.at((f.parameter_address + o) * memories.width + lane);
          const std::int32_t sum =
              static_cast<std::int32_t>(ConvolutionSum(memories, f, o, y, x, lane));
          const std::int8_t scaled =
              Requantise(AddWrapping(sum, record.bias), ScaleOf(record.multiplier, record.shift),
                         f.output_zero_point, f.minimum, f.maximum);
          memories.Pixel(line, x, lane) = LookUpInt8(memories, f.table, scaled);
        }
      }
    }
  }
}

// The maximum over a window.
inline std::int8_t WindowMaximum(Memories& memories, const isa::Pool& f, std::uint32_t b,
                                 std::uint32_t y, std::uint32_t x, std::size_t lane) {
  std::int8_t maximum = -128;
  for (std::uint32_t ky = 0; ky < f.kernel_rows; ++ky) {
    for (std::uint32_t kx = 0; kx < f.kernel_columns; ++kx) {
      const std::int64_t row = TapPosition(y, f.stride_rows, ky, f.dilation_rows, f.pad_top);
      const std::int64_t column =
          TapPosition(x, f.stride_columns, kx, f.dilation_columns, f.pad_left);
      maximum = std::max(
          maximum, Tap(memories, f, b, row, column, lane, f.upsample_rows, f.upsample_columns));
    }
  }
  return maximum;
}

inline void Pool(Memories& memories, const isa::Pool& f) {
  for (std::uint32_t b = 0; b < f.blocks; ++b) {
    for (std::uint32_t y = 0; y < f.output_rows; ++y) {
      const std::size_t line = f.output_address + b * f.output_block_pitch + y * f.output_row_pitch;
      for (std::uint32_t x = 0; x < f.output_columns; ++x) {
        for (std::size_t lane = 0; lane < memories.width; ++lane) {
          const std::int8_t clamped =
              ClampInt8(WindowMaximum(memories, f, b, y, x, lane), f.minimum, f.maximum);
          memories.Pixel(line, x, lane) = LookUpInt8(memories, f.table, clamped);
        }
      }
    }
  }
}

// round(sum / 2^shift), halves and what is within `window` of them to the even number.
inline std::int64_t RoundSum(std::int64_t sum, std::uint32_t shift, std::uint32_t window) {
  const std::int64_t unit = std::int64_t{1} << shift;
  const std::int64_t magnitude = sum < 0 ? -sum : sum;
  const std::int64_t whole = magnitude / unit;
  // Twice the rest, so that one half is `unit` for every shift.
  const std::int64_t beyond_half = 2 * (magnitude % unit) - unit;
  const bool tie = beyond_half >= -2 * std::int64_t{window} && beyond_half <= 2 * window;
  const std::int64_t rounded = tie ? whole + whole % 2 : beyond_half > 0 ? whole + 1 : whole;
  return sum < 0 ? -rounded : rounded;
}

inline std::int8_t AddPixels(Memories& memories, const isa::Addition& f, std::int8_t a,
                             std::int8_t b) {
  const std::int64_t sum =
      std::int64_t{memories.Table(f.first_table, static_cast<std::size_t>(a + 128))} +
      memories.Table(f.second_table, static_cast<std::size_t>(b + 128));
  return ClampInt8(RoundSum(sum, f.shift, f.window) + f.output_zero_point, f.minimum, f.maximum);
}

inline std::int8_t MultiplyPixels(Memories&, const isa::Multiplication& f, std::int8_t a,
                                  std::int8_t b) {
  return Requantise((a - f.first_zero_point) * (b - f.second_zero_point),
                    ScaleOf(f.multiplier, f.shift), f.output_zero_point, f.minimum, f.maximum);
}

// ADD and MULTIPLY: `combine` makes one output of two words' lanes.
template <class Fields, class Combine>
void Elementwise(Memories& memories, const Fields& f, Combine combine) {
  for (std::uint32_t b = 0; b < f.blocks; ++b) {
    for (std::uint32_t y = 0; y < f.rows; ++y) {
      for (std::uint32_t x = 0; x < f.columns; ++x) {
        const std::uint32_t second_y = f.broadcast != 0 ? 0 : y;
        const std::uint32_t second_x = f.broadcast != 0 ? 0 : x;
        for (std::size_t lane = 0; lane < memories.width; ++lane) {
          const std::int8_t first = memories.Pixel(
              f.first_address + b * f.first_block_pitch + y * f.first_row_pitch, x, lane);
          const std::int8_t second = memories.Pixel(
              f.second_address + b * f.second_block_pitch + second_y * f.second_row_pitch, second_x,
              lane);
          memories.Pixel(f.output_address + b * f.output_block_pitch + y * f.output_row_pitch, x,
                         lane) = combine(memories, f, first, second);
        }
      }
    }
  }
}

// Any EXECUTE instruction.
inline void Execute(Memories& memories, const isa::InstructionWords& words) {
  switch (static_cast<isa::Operation>(isa::DecodeHeader(words).operation)) {
    case isa::Operation::kConvolve:
      return Convolve(memories, isa::DecodeConvolution(words));
    case isa::Operation::kPool:
      return Pool(memories, isa::DecodePool(words));
    case isa::Operation::kAdd:
      return Elementwise(memories, isa::DecodeAddition(words), AddPixels);
    case isa::Operation::kMultiply:
      return Elementwise(memories, isa::DecodeMultiplication(words), MultiplyPixels);
    default:
      return;
  }
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_REFERENCE_HPP_
