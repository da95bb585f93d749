#include "native/devices/simulator/scratchpads.hpp"

#include <algorithm>
#include <cmath>

#include "hls/isa/generated/instructions.hpp"

namespace sluice::simulator {
namespace {

// Little-endian on any host.
std::uint32_t Word32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[3]} << 24;
}

}  // namespace

Scratchpads::Scratchpads(const Hardware& hardware, const Kernels& kernels)
    : width_(hardware.input_parallel),
      line_bytes_(std::size_t{hardware.pixel_parallel} * hardware.input_parallel),
      kernels_(kernels),
      activation_(hardware.activation_lines * line_bytes_),
      weights_(hardware.weight_tiles * width_ * width_),
      sums_(hardware.weight_tiles * width_),
      bias_(hardware.parameter_blocks * width_),
      scale_(hardware.parameter_blocks * width_),
      tables_(hardware.table_slots) {
  Clear();
}

void Scratchpads::Clear() {
  std::ranges::fill(activation_, std::uint8_t{kActivationBias});
  std::ranges::fill(weights_, std::int8_t{0});
  std::ranges::fill(sums_, std::int16_t{0});
  std::ranges::fill(bias_, 0);
  std::ranges::fill(scale_, 0.0f);
  for (Table256& table : tables_) {
    std::ranges::fill(table.entries, 0);
    std::ranges::fill(table.outputs, std::uint8_t{kActivationBias});
    table.magnitude = 0;
  }
}

std::int8_t Scratchpads::Weight(std::size_t tile, std::size_t output_lane,
                                std::size_t input_lane) const {
  const std::size_t group = kernels_.group;
  return Tile(tile)[input_lane / group * width_ * group + output_lane * group + input_lane % group];
}

void Scratchpads::SetTile(std::size_t tile, const std::uint8_t* bytes) {
  kernels_.pack(bytes, weights_.data() + tile * tile_bytes(), sums_.data() + tile * width_);
}

void Scratchpads::SetParameters(std::size_t block, const std::uint8_t* bytes) {
  for (std::size_t lane = 0; lane < width_; ++lane) {
    const std::uint8_t* record = bytes + lane * isa::kParameterRecordBytes;
    const std::uint32_t upper = Word32(record + 4);
    const std::uint32_t multiplier = upper & ((std::uint32_t{1} << isa::kMultiplierBits) - 1);
    const int shift = static_cast<int>(upper >> isa::kMultiplierBits & isa::kShiftMax);
    bias_[block * width_ + lane] = static_cast<std::int32_t>(Word32(record));
    // Exact: 24 bits, and no exponent below float32's.
    scale_[block * width_ + lane] = std::ldexp(static_cast<float>(multiplier), -shift);
  }
}

void Scratchpads::SetTable(std::size_t slot, const std::uint8_t* bytes) {
  Table256& table = tables_[slot];
  table.magnitude = 0;
  for (std::size_t i = 0; i < isa::kTableEntries; ++i) {
    const std::uint32_t bits = Word32(bytes + i * 4);
    const std::int64_t entry = static_cast<std::int32_t>(bits);
    table.entries[i] = static_cast<std::int32_t>(bits);
    table.outputs[i] = static_cast<std::uint8_t>(bits ^ kActivationBias);
    table.magnitude = std::max(table.magnitude, entry < 0 ? -entry : entry);
  }
}

}  // namespace sluice::simulator
