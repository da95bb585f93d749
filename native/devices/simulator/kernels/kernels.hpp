// The inner loops of the simulator, once for each set of instructions that a processor may have.
// Activations are biased here: a byte is the int8 value + 128, so that order and table index are
// those of an unsigned byte.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_KERNELS_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_KERNELS_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::simulator {

// What a biased byte adds to the int8 value.
constexpr std::int32_t kActivationBias = 128;
// Columns of the widest tile of a convolution that is not depthwise.
constexpr std::uint32_t kDenseColumnsMax = 12;
// Columns of the widest tile of a depthwise convolution and of a pool.
constexpr std::uint32_t kWindowColumnsMax = 16;
// Rows and columns of a kernel: 6 bits in the instruction.
constexpr std::uint32_t kKernelSizeMax = 63;

// float32 arithmetic of MLAS: round_half_even(clamp(sum * scale, low, high)) + zero point.
struct Requantisation {
  float low;   // minimum - zero point
  float high;  // maximum - zero point
  std::int32_t biased_zero_point;
};

// A few columns of one output row, in a few output blocks, of a convolution that is not depthwise.
struct DenseTile {
  // For each tap and input block, `columns` words that lie one after the other: bytes, or 16-bit
  // numbers where the kernels say wide_activations.
  const void* const* activations;
  std::uint32_t entries;
  // Packed tiles of the first output block, `entries` of them; the next block's follow
  // weights_block_bytes later.
  const std::int8_t* weights;
  std::size_t weights_block_bytes;
  // One for each output channel, the blocks' one after the other; the bias makes good for the
  // biased activations.
  const std::int32_t* bias;
  const float* scale;
  Requantisation requantisation;
  std::uint8_t* output;
  std::size_t output_block_bytes;
  std::uint32_t columns;
  std::uint32_t blocks;
};

// A few columns of one output row in one block of a depthwise convolution.
struct DepthwiseTile {
  // For each kernel row, the word that the first column's first tap reads.
  const std::uint8_t* const* rows;
  std::uint32_t kernel_rows;
  std::uint32_t kernel_columns;
  // From one column's taps to the next column's.
  std::size_t step_bytes;
  // As PackDepthwise wrote them.
  const std::int8_t* weights;
  const std::int32_t* bias;
  const float* scale;
  Requantisation requantisation;
  std::uint8_t* output;
  std::uint32_t columns;
};

// A few columns of one output row in one block of a pool. The output may be what is read, if each
// word is read for itself alone.
struct PoolTile {
  const std::uint8_t* const* rows;
  std::uint32_t kernel_rows;
  std::uint32_t kernel_columns;
  std::size_t step_bytes;
  std::uint8_t low;   // biased
  std::uint8_t high;  // biased
  std::uint8_t* output;
  std::uint32_t columns;
};

// Bytes of an addition. The output may be an operand.
struct AddSpan {
  const std::uint8_t* first;
  const std::uint8_t* second;
  const std::int32_t* first_terms;
  const std::int32_t* second_terms;
  // No sum of two terms is beyond 31 bits and a sign.
  bool narrow;
  std::uint32_t shift;
  std::uint32_t window;
  std::int32_t biased_zero_point;
  std::int32_t low;   // biased
  std::int32_t high;  // biased
  std::uint8_t* output;
  std::size_t bytes;
};

// Bytes of a multiplication. The output may be an operand.
struct MultiplySpan {
  const std::uint8_t* first;
  const std::uint8_t* second;
  std::int32_t first_zero_point;   // biased
  std::int32_t second_zero_point;  // biased
  float scale;
  Requantisation requantisation;
  std::uint8_t* output;
  std::size_t bytes;
};

// Inner loops for words of one width.
struct Kernels {
  // Input lanes of an output lane that stand together in a packed tile: weight [l][j] is byte
  // (j / group) * width * group + l * group + j % group.
  std::uint32_t group;
  bool wide_activations;
  // Columns and blocks of the largest DenseTile; every smaller one is taken as well.
  std::uint32_t dense_columns_max;
  std::uint32_t dense_blocks_max;
  // Taps of a kernel row that stand together: tap [ky][kx][l] is byte
  // ((ky * groups + kx / group) * width + l) * group + kx % group, groups rounded up, 0 beyond.
  std::uint32_t depthwise_group;
  void (*dense)(const DenseTile& tile);
  void (*depthwise)(const DepthwiseTile& tile);
  void (*pool)(const PoolTile& tile);
  void (*add)(const AddSpan& span);
  void (*multiply)(const MultiplySpan& span);
  // bytes[i] = table[bytes[i]]
  void (*look_up)(const std::uint8_t* table, std::uint8_t* bytes, std::size_t size);
  // Flips the highest bit of each byte: between int8 and biased.
  void (*flip)(const std::uint8_t* from, std::uint8_t* to, std::size_t size);
  // Packs a tile and adds up each output lane's weights.
  void (*pack)(const std::uint8_t* tile, std::int8_t* packed, std::int16_t* sums);
};

// One set of a processor's instructions.
struct KernelSet {
  const char* name;
  Kernels words_of_8;
  Kernels words_of_16;
};

// Null where the compiler could not make them. Constants and not functions, because a source that
// is compiled for instructions of its own must not run before the processor has been asked.
extern const KernelSet* const kAvx512Kernels;
extern const KernelSet* const kAvxVnniKernels;
extern const KernelSet* const kAvx2Kernels;
// Plain C++; on every machine.
extern const KernelSet* const kPortableKernels;

// The sets that this processor can run, fastest first; never empty.
std::vector<const KernelSet*> UsableKernels();

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_KERNELS_KERNELS_HPP_
