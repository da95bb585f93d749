// The weight section of a random program, and the LOADs that bring its parts on chip.
#ifndef SLUICE_HLS_NPU_RANDOM_WEIGHTS_HPP_
#define SLUICE_HLS_NPU_RANDOM_WEIGHTS_HPP_

#include <cstdint>
#include <vector>

#include "hls/npu/random_emitter.hpp"
#include "hls/npu/random_tensor.hpp"

namespace sluice {
namespace testing {

class RandomWeights {
 public:
  RandomWeights(const ProgramSizes& sizes, Random& random, ProgramEmitter& emitter)
      : sizes_(sizes),
        random_(random),
        emitter_(emitter),
        tiles_(sizes.weight_tiles),
        blocks_(sizes.parameter_blocks),
        slots_(sizes.table_slots) {}

  // The section so far, filled up to whole 16 bytes.
  std::vector<std::uint8_t> TakeBytes() {
    bytes_.resize((bytes_.size() + 15) / 16 * 16);
    return bytes_;
  }

  // Address of `count` tiles that the program has loaded.
  std::uint32_t Tiles(std::uint32_t count) {
    const std::uint32_t address = Between(0, sizes_.weight_tiles - count);
    if (Reused(tiles_, address, count)) return address;
    Load(isa::Memory::kWeight, Space::kWeight, address, count);
    const std::uint32_t zeros = Between(0, 3);
    for (std::uint32_t index = 0; index < count * sizes_.input_parallel * sizes_.input_parallel;
         ++index) {
      const bool zero = zeros == 0 && Between(0, 1) == 0;
      bytes_.push_back(static_cast<std::uint8_t>(zero ? 0 : random_.Between(-127, 127)));
    }
    return address;
  }

  // Address of `count` channel blocks, whose scales suit sums of `products` products.
  std::uint32_t Records(std::uint32_t count, std::uint32_t products) {
    const std::uint32_t address = Between(0, sizes_.parameter_blocks - count);
    if (Reused(blocks_, address, count)) return address;
    Load(isa::Memory::kParameter, Space::kParameter, address, count);
    for (std::uint32_t index = 0; index < count * sizes_.input_parallel; ++index) {
      PutWord(static_cast<std::uint32_t>(random_.Between(0, 15) == 0
                                             ? random_.Between(INT32_MIN, INT32_MAX)
                                             : random_.Between(-20000, 20000)));
      PutWord(Multiplier() | Shift(products) << isa::kMultiplierBits);
    }
    return address;
  }

  // A slot that holds a table. With `shift` above 0 the terms of an addition with so many
  // fraction bits, else any int32.
  std::uint32_t Slot(std::uint32_t shift) {
    const std::uint32_t slot = Between(0, sizes_.table_slots - 1);
    if (Reused(slots_, slot, 1)) return slot;
    Load(isa::Memory::kTable, Space::kTable, slot, 1);
    const bool any = shift == 0 || Between(0, 7) == 0;
    const std::int64_t slope = random_.Between(0, std::int64_t{2} << shift);
    for (std::int64_t value = -128; value < 128; ++value) {
      const std::int64_t term = value * slope;
      const bool fits = term >= INT32_MIN && term <= INT32_MAX;
      PutWord(
          static_cast<std::uint32_t>(any || !fits ? random_.Between(INT32_MIN, INT32_MAX) : term));
    }
    return slot;
  }

  // 24 bits, mostly with the highest set.
  std::uint32_t Multiplier() {
    const std::uint32_t least = Between(0, 9) == 0 ? 0 : 1u << (isa::kMultiplierBits - 1);
    return Between(least, (1u << isa::kMultiplierBits) - 1);
  }

  // With a full multiplier a scale that takes a sum of `products` to about the size of an int8.
  std::uint32_t Shift(std::uint32_t products) {
    if (Between(0, 31) == 0) return Between(isa::kShiftMin, isa::kShiftMax);
    std::uint32_t shift = 29;
    for (std::uint32_t rest = products; rest > 1; rest /= 4) ++shift;
    return shift + Between(0, 3);
  }

 private:
  std::uint32_t Between(std::uint32_t least, std::uint32_t most) {
    return static_cast<std::uint32_t>(random_.Between(least, most));
  }

  // Whether what stands there is to be used again; otherwise marks it as loaded.
  bool Reused(std::vector<bool>& loaded, std::uint32_t address, std::uint32_t count) {
    bool all = true;
    for (std::uint32_t index = 0; index < count; ++index) {
      all = all && loaded[address + index];
      loaded[address + index] = true;
    }
    return all && Between(0, 1) == 0;
  }

  void Load(isa::Memory memory, Space space, std::uint32_t address, std::uint32_t count) {
    isa::Transfer fields{};
    fields.region = static_cast<std::uint32_t>(isa::Region::kWeights);
    fields.memory = static_cast<std::uint32_t>(memory);
    fields.dram_offset = static_cast<std::uint32_t>(bytes_.size() / sizes_.input_parallel);
    fields.address = address;
    fields.columns = fields.blocks = 1;
    fields.rows = count;
    emitter_.Emit(isa::AssembleLoad(fields), {Access{space, address, count, true}});
  }

  void PutWord(std::uint32_t word) {
    for (std::uint32_t byte = 0; byte < 4; ++byte) {
      bytes_.push_back(static_cast<std::uint8_t>(word >> 8 * byte));
    }
  }

  const ProgramSizes sizes_;
  Random& random_;
  ProgramEmitter& emitter_;
  std::vector<bool> tiles_;
  std::vector<bool> blocks_;
  std::vector<bool> slots_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace testing
}  // namespace sluice

#endif  // SLUICE_HLS_NPU_RANDOM_WEIGHTS_HPP_
