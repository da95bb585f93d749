// Remembers which words of a memory have been written.
#ifndef SLUICE_NATIVE_CORE_WRITTEN_MAP_HPP_
#define SLUICE_NATIVE_CORE_WRITTEN_MAP_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {

// One bit a word, 64 words at a time. Ranges must lie within the size.
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

  bool Full() const { return Covers(0, size_); }

 private:
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
