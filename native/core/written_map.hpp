// Remembers which words of a memory have been written.
#ifndef SLUICE_NATIVE_CORE_WRITTEN_MAP_HPP_
#define SLUICE_NATIVE_CORE_WRITTEN_MAP_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "native/core/word_pattern.hpp"

namespace sluice {

// One bit a word, 64 words at a time. Patterns must lie within the size.
//
// A hostile program has 65,536 instructions that each touch a whole memory. Marking or asking takes
// Steps(pattern) visits of a group, below a nanosecond each: rows that touch are one range, and
// short rows with gaps are cut from a bit pattern, so on-chip memory has at most 2,048 groups a
// block order. Off-chip memory is large and reads may interleave, so the caller adds the steps up.
class WrittenMap {
 public:
  explicit WrittenMap(std::size_t size) : size_(size), bits_((size + 63) / 64) {}

  // Groups that Mark or Covers visits at most.
  static std::uint64_t Steps(const WordPattern& pattern) {
    const WordPattern canonical = pattern.Canonical();
    return canonical.blocks.count * StepsOfRows(canonical);
  }

  void Mark(const WordPattern& pattern) {
    ForEachGroup(pattern, [this](std::size_t group, std::uint64_t mask) {
      bits_[group] |= mask;
      return true;
    });
  }

  bool Covers(const WordPattern& pattern) const {
    return ForEachGroup(pattern, [this](std::size_t group, std::uint64_t mask) {
      return (bits_[group] & mask) == mask;
    });
  }

  bool Full() const { return size_ == 0 || Covers(WordPattern{0, size_, {}, {}}); }

 private:
  static constexpr std::uint64_t kGroupWords = 64;

  static std::uint64_t StepsOfRows(const WordPattern& pattern) {
    const std::uint64_t groups_of_row = pattern.length / kGroupWords + 2;
    if (pattern.rows.count == 1) return groups_of_row;
    if (pattern.rows.pitch < kGroupWords) return pattern.rows.span() / kGroupWords + 3;
    return pattern.rows.count * groups_of_row;
  }

  // Calls `visit` with groups of 64 and the bits of the pattern in them, until one returns false. A
  // group may come several times.
  template <class Visit>
  static bool ForEachGroup(const WordPattern& pattern, Visit visit) {
    const WordPattern canonical = pattern.Canonical();
    for (std::uint64_t block = 0; block < canonical.blocks.count; ++block) {
      WordPattern rows = canonical;
      rows.first += block * canonical.blocks.pitch;
      if (!ForEachGroupOfRows(rows, visit)) return false;
    }
    return true;
  }

  template <class Visit>
  static bool ForEachGroupOfRows(const WordPattern& pattern, Visit visit) {
    const Repetition& rows = pattern.rows;
    if (rows.count > 1 && rows.pitch < kGroupWords) return ForEachGroupOfShortRows(pattern, visit);
    for (std::uint64_t row = 0; row < rows.count; ++row) {
      const std::uint64_t first = pattern.first + row * rows.pitch;
      if (!ForEachGroupOfRange(first, first + pattern.length, visit)) return false;
    }
    return true;
  }

  // Rows with gaps whose pitch is below 64: their bits repeat, so a group's are cut from a pattern.
  template <class Visit>
  static bool ForEachGroupOfShortRows(const WordPattern& rows, Visit visit) {
    const std::uint64_t pitch = rows.rows.pitch;
    // Bits 0 to 127 of rows that start at bit 0.
    std::uint64_t repeated[2] = {0, 0};
    for (std::uint64_t start = 0; start < 2 * kGroupWords; start += pitch) {
      for (std::uint64_t bit = start; bit < start + rows.length && bit < 2 * kGroupWords; ++bit) {
        repeated[bit / kGroupWords] |= std::uint64_t{1} << bit % kGroupWords;
      }
    }
    const std::uint64_t last_word = rows.first + rows.rows.span() + rows.length - 1;
    const std::uint64_t last_group = last_word / kGroupWords;
    const std::uint64_t last_ones =
        ~std::uint64_t{0} >> (kGroupWords - 1 - last_word % kGroupWords);
    std::uint64_t group = rows.first / kGroupWords;
    std::uint64_t mask = repeated[0] << rows.first % kGroupWords;
    // Where in the repeated bits the next group starts.
    std::uint64_t phase = (kGroupWords - rows.first % kGroupWords) % pitch;
    const std::uint64_t step = kGroupWords % pitch;
    for (; group < last_group; ++group) {
      if (!visit(group, mask)) return false;
      mask = phase == 0 ? repeated[0] : repeated[0] >> phase | repeated[1] << (kGroupWords - phase);
      phase += step;
      if (phase >= pitch) phase -= pitch;
    }
    return visit(group, mask & last_ones);
  }

  template <class Visit>
  static bool ForEachGroupOfRange(std::uint64_t first, std::uint64_t end, Visit visit) {
    while (first < end) {
      const std::uint64_t low = first % kGroupWords;
      const std::uint64_t width = end - first < kGroupWords - low ? end - first : kGroupWords - low;
      const std::uint64_t ones =
          width == kGroupWords ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
      if (!visit(first / kGroupWords, ones << low)) return false;
      first += width;
    }
    return true;
  }

  std::size_t size_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_WRITTEN_MAP_HPP_
