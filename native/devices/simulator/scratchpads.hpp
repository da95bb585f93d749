// The on-chip memories, in the layouts that the kernels read. hls/isa/README.md says what each
// holds; bounds.hpp has been asked before anything here is called.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_SCRATCHPADS_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_SCRATCHPADS_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "native/core/hardware.hpp"
#include "native/devices/simulator/kernels/kernels.hpp"

namespace sluice::simulator {

class Scratchpads {
 public:
  Scratchpads(const Hardware& hardware, const Kernels& kernels);

  // Everything as after power-on: 0.
  void Clear();

  std::size_t word_bytes() const { return width_; }
  std::size_t line_bytes() const { return line_bytes_; }
  std::size_t tile_bytes() const { return width_ * width_; }

  // Biased words; column x of a row is word x after its first line.
  std::uint8_t* Line(std::size_t line) { return activation_.data() + line * line_bytes_; }

  // A tile in the kernels' packing, and the sum of each output lane's weights.
  const std::int8_t* Tile(std::size_t tile) const { return weights_.data() + tile * tile_bytes(); }
  const std::int16_t* WeightSums(std::size_t tile) const { return sums_.data() + tile * width_; }
  // Weight [output lane][input lane] of a tile.
  std::int8_t Weight(std::size_t tile, std::size_t output_lane, std::size_t input_lane) const;

  // One number for each channel, a block's after the other's.
  const std::int32_t* Bias(std::size_t block) const { return bias_.data() + block * width_; }
  const float* Scale(std::size_t block) const { return scale_.data() + block * width_; }

  // 256 terms by biased value, the largest magnitude among them, and the biased low bytes.
  const std::int32_t* Table(std::size_t slot) const { return tables_[slot].entries; }
  std::int64_t Magnitude(std::size_t slot) const { return tables_[slot].magnitude; }
  const std::uint8_t* OutputTable(std::size_t slot) const { return tables_[slot].outputs; }

  // Take what LOAD has read, in the form of the memory bus.
  void SetTile(std::size_t tile, const std::uint8_t* bytes);
  void SetParameters(std::size_t block, const std::uint8_t* bytes);
  void SetTable(std::size_t slot, const std::uint8_t* bytes);

 private:
  struct Table256 {
    std::int32_t entries[256];
    std::uint8_t outputs[256];
    std::int64_t magnitude;
  };

  const std::size_t width_;
  const std::size_t line_bytes_;
  const Kernels& kernels_;
  std::vector<std::uint8_t> activation_;
  std::vector<std::int8_t> weights_;
  std::vector<std::int16_t> sums_;
  std::vector<std::int32_t> bias_;
  std::vector<float> scale_;
  std::vector<Table256> tables_;
};

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_SCRATCHPADS_HPP_
