// Random programs that a loader accepts and that every order of the units runs to the same bits:
// for the NPU's test benches, the functional simulator's and the fuzzer's first inputs.
#ifndef SLUICE_HLS_NPU_RANDOM_PROGRAM_HPP_
#define SLUICE_HLS_NPU_RANDOM_PROGRAM_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/npu/random_emitter.hpp"
#include "hls/npu/random_layers.hpp"
#include "hls/npu/random_tensor.hpp"
#include "hls/npu/random_weights.hpp"
#include "hls/testing.hpp"

namespace sluice {
namespace testing {

// A program without its file. Sizes are multiples of 16 bytes; input and output have some.
struct RandomProgram {
  std::vector<isa::InstructionWords> instructions;
  std::vector<std::uint8_t> weights;
  std::uint64_t input_bytes;
  std::uint64_t output_bytes;
  std::uint64_t arena_bytes;
};

// Bounds of a program; `products_max` counts the multiply-accumulates of one instruction.
struct RandomProgramLimits {
  std::uint32_t layers_max = 8;
  std::uint64_t products_max = 500000;
};

// Writes one program; MakeRandomProgram below is the way in.
class RandomProgramMaker {
 public:
  RandomProgramMaker(const ProgramSizes& sizes, std::uint64_t seed,
                     const RandomProgramLimits& limits)
      : sizes_(sizes),
        limits_(limits),
        random_(seed * 2654435761u + 88172645463325252u),
        weights_(sizes, random_, emitter_),
        layers_(sizes, limits.products_max, random_, emitter_, weights_) {}

  RandomProgram Make() {
    LoadInput();
    const std::int64_t layers = random_.Between(1, limits_.layers_max);
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      // One layer may take a dozen instructions with its loads and bridges.
      if (emitter_.size() + 40 > ProgramEmitter::kInstructionsMax) break;
      layers_.Append();
      Move();
    }
    StoreOutput();
    FillOutput();
    emitter_.EmitFinish(random_.Between(0, 1) == 0);
    return RandomProgram{emitter_.instructions(), weights_.TakeBytes(), BytesOf(input_beats_),
                         BytesOf(output_beats_), BytesOf(arena_beats_)};
  }

 private:
  std::uint64_t BytesOf(std::uint64_t beats) const {
    return (beats * sizes_.input_parallel + 15) / 16 * 16;
  }

  std::uint32_t Between(std::uint32_t least, std::uint32_t most) {
    return static_cast<std::uint32_t>(random_.Between(least, most));
  }

  // Loads, spills and stores between two layers.
  void Move() {
    const std::uint32_t choice = Between(0, 7);
    if (choice == 0) LoadInput();
    if (choice == 1 || choice == 2) Spill();
    if (choice == 3) LoadArena();
    if (choice == 4) StoreOutput();
  }

  static isa::Transfer TransferOf(const Tensor& local, const Tensor& remote, isa::Region region) {
    isa::Transfer fields{};
    fields.region = static_cast<std::uint32_t>(region);
    fields.memory = static_cast<std::uint32_t>(isa::Memory::kActivation);
    fields.dram_offset = remote.address;
    fields.address = local.address;
    fields.columns = local.columns;
    fields.rows = local.rows;
    fields.blocks = local.blocks;
    fields.dram_row_pitch = remote.row_pitch;
    fields.dram_block_pitch = remote.block_pitch;
    fields.row_pitch = local.row_pitch;
    fields.block_pitch = local.block_pitch;
    return fields;
  }

  // The same words with the pitches of a region.
  Tensor Remote(const Tensor& local, std::uint64_t first, std::uint32_t gap_most) {
    Tensor remote = local;
    remote.address = static_cast<std::uint32_t>(first);
    ChoosePitches(random_, local.columns, gap_most, remote);
    return remote;
  }

  void LoadInput() {
    const Tensor local = layers_.PlaceNew();
    Tensor remote = Remote(local, Between(0, 40), 3);
    if (Between(0, 9) == 0) remote.row_pitch = 0;
    input_beats_ = std::max(input_beats_, remote.address + ExtentOf(remote, remote.columns));
    std::vector<Access> accesses;
    layers_.AppendLines(local, true, accesses);
    emitter_.Emit(isa::AssembleLoad(TransferOf(local, remote, isa::Region::kInput)), accesses);
    layers_.Add(local);
  }

  void Spill() {
    const Tensor local = layers_.Pick();
    const Tensor remote = Remote(local, Between(0, 1) == 0 ? arena_beats_ : Between(0, 99), 3);
    arena_beats_ = std::max(arena_beats_, remote.address + ExtentOf(remote, remote.columns));
    std::vector<Access> accesses;
    layers_.AppendLines(local, false, accesses);
    AppendRows(remote, Space::kArena, remote.columns, true, accesses);
    emitter_.Emit(isa::AssembleStore(TransferOf(local, remote, isa::Region::kArena)), accesses);
    spilled_.push_back(remote);
  }

  void LoadArena() {
    if (spilled_.empty()) return;
    Tensor remote = spilled_[Between(0, static_cast<std::uint32_t>(spilled_.size()) - 1)];
    // Rows of a spilled tensor have no lines: any column may be the first of the part.
    remote = RandomPart(random_, remote, 1);
    Tensor local = remote;
    if (!layers_.Place(local, {})) return;
    std::vector<Access> accesses;
    layers_.AppendLines(local, true, accesses);
    AppendRows(remote, Space::kArena, remote.columns, false, accesses);
    emitter_.Emit(isa::AssembleLoad(TransferOf(local, remote, isa::Region::kArena)), accesses);
    layers_.Add(local);
  }

  void StoreOutput() {
    const Tensor local = layers_.Pick();
    // Without gaps, because every beat of the output must be stored.
    StoreAt(local, Remote(local, output_beats_, 0));
  }

  void StoreAt(const Tensor& local, const Tensor& remote) {
    output_beats_ = std::max(output_beats_, remote.address + ExtentOf(remote, remote.columns));
    std::vector<Access> accesses;
    layers_.AppendLines(local, false, accesses);
    emitter_.Emit(isa::AssembleStore(TransferOf(local, remote, isa::Region::kOutput)), accesses);
  }

  // Stores single words until the output is a multiple of 16 bytes.
  void FillOutput() {
    const std::uint64_t multiple = std::max<std::uint64_t>(1, 16 / sizes_.input_parallel);
    for (std::uint64_t rest = output_beats_ % multiple; rest % multiple != 0; ++rest) {
      Tensor word = layers_.Pick();
      word.rows = word.columns = word.blocks = 1;
      StoreAt(word, Remote(word, output_beats_, 0));
    }
  }

  const ProgramSizes sizes_;
  const RandomProgramLimits limits_;
  Random random_;
  ProgramEmitter emitter_;
  RandomWeights weights_;
  RandomLayers layers_;
  std::vector<Tensor> spilled_;
  std::uint64_t input_beats_ = 0;
  std::uint64_t output_beats_ = 0;
  std::uint64_t arena_beats_ = 0;
};

// The same arguments give the same program everywhere.
inline RandomProgram MakeRandomProgram(const ProgramSizes& sizes, std::uint64_t seed,
                                       const RandomProgramLimits& limits = RandomProgramLimits()) {
  return RandomProgramMaker(sizes, seed, limits).Make();
}

// An input or another region's first contents.
inline std::vector<std::uint8_t> RandomBytes(std::uint64_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.Between(0, 255));
  return bytes;
}

}  // namespace testing
}  // namespace sluice

#endif  // SLUICE_HLS_NPU_RANDOM_PROGRAM_HPP_
