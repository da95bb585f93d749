// Remembers which words of a memory have been written.
//
// A hostile program has 65,536 instructions that each touch a whole memory, so the cost of one is
// the number of 64-word groups between its first and its last word, whatever its rows look like.
#ifndef SLUICE_NATIVE_CORE_WRITTEN_MAP_HPP_
#define SLUICE_NATIVE_CORE_WRITTEN_MAP_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {

// Rows of `length` words, `pitch` apart from `first` on; neither `count` nor `length` is zero.
struct WordRows {
  std::uint64_t first;
  std::uint64_t count;
  std::uint64_t pitch;
  std::uint64_t length;

  std::uint64_t end() const { return first + (count - 1) * pitch + length; }
  bool overlap() const { return count > 1 && pitch < length; }
  // Whether there are words between two rows that belong to neither.
  bool gaps() const { return count > 1 && pitch > length; }
};

// One bit a word, 64 words at a time. Ranges and rows must lie within the size.
class WrittenMap {
 public:
  explicit WrittenMap(std::size_t size) : size_(size), bits_((size + 63) / 64) {}

  void Mark(std::size_t first, std::size_t count) {
    ForEachGroup(first, count, [this](std::size_t group, std::uint64_t mask) {
      bits_[group] |= mask;
      return true;
    });
  }

  bool Covers(std::size_t first, std::size_t count) const {
    return ForEachGroup(first, count, [this](std::size_t group, std::uint64_t mask) {
      return (bits_[group] & mask) == mask;
    });
  }

  void Mark(const WordRows& rows) {
    ForEachGroup(rows, [this](std::size_t group, std::uint64_t mask) {
      bits_[group] |= mask;
      return true;
    });
  }

  bool Covers(const WordRows& rows) const {
    return ForEachGroup(rows, [this](std::size_t group, std::uint64_t mask) {
      return (bits_[group] & mask) == mask;
    });
  }

  bool Full() const { return Covers(0, size_); }

 private:
  static constexpr std::size_t kGroupWords = 64;

  // The same for rows: a group several times when several long rows lie in it.
  template <class Visit>
  static bool ForEachGroup(const WordRows& rows, Visit visit) {
    if (!rows.gaps()) return ForEachGroup(rows.first, rows.end() - rows.first, visit);
    if (rows.pitch < kGroupWords) return ForEachGroupOfShortRows(rows, visit);
    for (std::uint64_t row = 0; row < rows.count; ++row) {
      if (!ForEachGroup(rows.first + row * rows.pitch, rows.length, visit)) return false;
    }
    return true;
  }

  // Rows with gaps whose pitch is below 64: their bits repeat, so a group's are cut from a pattern.
  template <class Visit>
  static bool ForEachGroupOfShortRows(const WordRows& rows, Visit visit) {
    // Bits 0 to 127 of rows that start at bit 0.
    std::uint64_t pattern[2] = {0, 0};
    for (std::uint64_t bit = 0; bit < 2 * kGroupWords; ++bit) {
      const std::uint64_t set = bit % rows.pitch < rows.length ? 1 : 0;
      pattern[bit / kGroupWords] |= set << bit % kGroupWords;
    }
    const std::size_t last_group = (rows.end() - 1) / kGroupWords;
    const std::size_t last_bit = (rows.end() - 1) % kGroupWords;
    const std::uint64_t last_ones = ~std::uint64_t{0} >> (kGroupWords - 1 - last_bit);
    std::size_t group = rows.first / kGroupWords;
    std::uint64_t mask = pattern[0] << rows.first % kGroupWords;
    // Where in the pattern the next group starts.
    std::uint64_t phase = (kGroupWords - rows.first % kGroupWords) % rows.pitch;
    const std::uint64_t step = kGroupWords % rows.pitch;
    for (; group < last_group; ++group) {
      if (!visit(group, mask)) return false;
      mask = phase == 0 ? pattern[0] : pattern[0] >> phase | pattern[1] << (kGroupWords - phase);
      phase += step;
      if (phase >= rows.pitch) phase -= rows.pitch;
    }
    return visit(group, mask & last_ones);
  }

  // Calls `visit` with each group of 64 and the bits of the range in it, until one returns false.
  template <class Visit>
  static bool ForEachGroup(std::size_t first, std::size_t count, Visit visit) {
    const std::size_t end = first + count;
    while (first < end) {
      const std::size_t low = first % 64;
      const std::size_t width = end - first < 64 - low ? end - first : 64 - low;
      const std::uint64_t ones = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
      if (!visit(first / 64, ones << low)) return false;
      first += width;
    }
    return true;
  }

  std::size_t size_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_WRITTEN_MAP_HPP_
