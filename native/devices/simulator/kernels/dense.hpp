// The multiply-accumulate loop of a convolution, for any vector that has these members:
//   kLanes            int32 lanes
//   kGroup            products that one lane adds up in a step
//   Activation        type of an activation in memory
//   Sums, Weights     registers; Broadcast: kGroup activations in every lane
//   Zero, LoadWeights, LoadBroadcast, Accumulate, Requantise
// Internal linkage, as in plain_loops.hpp.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_DENSE_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_DENSE_HPP_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "native/devices/simulator/kernels/kernels.hpp"

namespace sluice::simulator {
namespace {

template <class Vector, std::size_t kWidth, std::size_t kColumns, std::size_t kBlocks>
void DenseTileLoop(const DenseTile& tile) {
  using Activation = typename Vector::Activation;
  constexpr std::size_t kParts = kWidth / Vector::kLanes;
  constexpr std::size_t kVectors = kParts * kBlocks;
  constexpr std::size_t kPartBytes = Vector::kLanes * Vector::kGroup;
  typename Vector::Sums sums[kColumns][kVectors];
#pragma GCC unroll 12
  for (std::size_t n = 0; n < kColumns; ++n) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) sums[n][v] = Vector::Zero();
  }
  const std::int8_t* weights = tile.weights;
  for (std::uint32_t entry = 0; entry < tile.entries; ++entry) {
    const Activation* words = static_cast<const Activation*>(tile.activations[entry]);
    for (std::size_t group = 0; group < kWidth / Vector::kGroup; ++group) {
      typename Vector::Weights row[kVectors];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) {
        row[v] = Vector::LoadWeights(weights + (v / kParts) * tile.weights_block_bytes +
                                     (group * kParts + v % kParts) * kPartBytes);
      }
#pragma GCC unroll 12
      for (std::size_t n = 0; n < kColumns; ++n) {
        const auto broadcast = Vector::LoadBroadcast(words + n * kWidth + group * Vector::kGroup);
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kVectors; ++v) {
          sums[n][v] = Vector::Accumulate(sums[n][v], broadcast, row[v]);
        }
      }
    }
    weights += kWidth * kWidth;
  }
#pragma GCC unroll 12
  for (std::size_t n = 0; n < kColumns; ++n) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t lane = (v % kParts) * Vector::kLanes;
      const std::size_t channel = (v / kParts) * kWidth + lane;
      Vector::Requantise(sums[n][v], tile.bias + channel, tile.scale + channel, tile.requantisation,
                         tile.output + (v / kParts) * tile.output_block_bytes + n * kWidth + lane);
    }
  }
}

using DenseFunction = void (*)(const DenseTile& tile);

template <class Vector, std::size_t kWidth, std::size_t kBlocks, std::size_t... kIndices>
inline void RunDenseColumns(const DenseTile& tile, std::index_sequence<kIndices...>) {
  constexpr DenseFunction kLoops[] = {DenseTileLoop<Vector, kWidth, kIndices + 1, kBlocks>...};
  kLoops[tile.columns - 1](tile);
}

// Runs the loop whose sizes are the tile's.
template <class Vector, std::size_t kWidth, std::size_t kColumnsMax, std::size_t kBlocksMax>
void RunDense(const DenseTile& tile) {
  static_assert(kColumnsMax <= kDenseColumnsMax && (kBlocksMax == 1 || kBlocksMax == 2));
  constexpr auto kColumns = std::make_index_sequence<kColumnsMax>{};
  if constexpr (kBlocksMax == 2) {
    if (tile.blocks == 2) return RunDenseColumns<Vector, kWidth, 2>(tile, kColumns);
  }
  RunDenseColumns<Vector, kWidth, 1>(tile, kColumns);
}

// Fills in the dense kernel and what the caller must know of it.
template <class Vector, std::size_t kWidth, std::size_t kColumnsMax, std::size_t kBlocksMax>
constexpr void UseDense(Kernels& kernels) {
  kernels.wide_activations = sizeof(typename Vector::Activation) == 2;
  kernels.dense_columns_max = kColumnsMax;
  kernels.dense_blocks_max = kBlocksMax;
  kernels.dense = RunDense<Vector, kWidth, kColumnsMax, kBlocksMax>;
}

}  // namespace
}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_DENSE_HPP_
