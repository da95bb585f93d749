// Words of a memory that one instruction touches: blocks of rows of neighbouring words.
#ifndef SLUICE_NATIVE_CORE_WORD_PATTERN_HPP_
#define SLUICE_NATIVE_CORE_WORD_PATTERN_HPP_

#include <cstdint>
#include <utility>

namespace sluice {

// How often something is repeated, and how far one is from the next.
struct Repetition {
  std::uint64_t count = 1;
  std::uint64_t pitch = 0;

  // Words from the first repetition's first to the last one's first.
  std::uint64_t span() const { return (count - 1) * pitch; }
};

// `length` words from `first` on, repeated by rows, and those by blocks. No count and no length is
// 0. Fields of an instruction have at most 32 bits, so nothing here leaves 64.
struct WordPattern {
  std::uint64_t first = 0;
  std::uint64_t length = 1;
  Repetition rows;
  Repetition blocks;

  std::uint64_t end() const { return first + blocks.span() + rows.span() + length; }

  // The same words with as few repetitions as possible, the one of the smaller pitch in `rows`.
  WordPattern Canonical() const {
    WordPattern same = *this;
    if (same.rows.pitch == 0) same.rows.count = 1;
    if (same.blocks.pitch == 0) same.blocks.count = 1;
    if (same.rows.count == 1 || (same.blocks.count > 1 && same.blocks.pitch < same.rows.pitch)) {
      std::swap(same.rows, same.blocks);
    }
    // What touches is one row; with rows gone, blocks are rows.
    for (int times = 0; times < 2 && same.rows.count > 1 && same.rows.pitch <= same.length;
         ++times) {
      same.length += same.rows.span();
      same.rows = std::exchange(same.blocks, Repetition{});
    }
    // Blocks that go on where the rows end are more rows.
    if (same.blocks.pitch == same.rows.count * same.rows.pitch) {
      same.rows.count *= std::exchange(same.blocks, Repetition{}).count;
    }
    return same;
  }

  // Whether a word belongs to two rows or blocks, or may: of the two pitches the smaller must be at
  // least one row long and the larger at least as long as all of the inner ones.
  bool Overlaps() const {
    Repetition inner = rows;
    Repetition outer = blocks;
    if (inner.count == 1 || (outer.count > 1 && outer.pitch < inner.pitch)) {
      std::swap(inner, outer);
    }
    if (inner.count > 1 && inner.pitch < length) return true;
    return outer.count > 1 && outer.pitch < inner.span() + length;
  }
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_WORD_PATTERN_HPP_
