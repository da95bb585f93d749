// WrittenMap and WordPattern against one flag a word, over random and extreme patterns.
#include "native/core/written_map.hpp"

#include <vector>

#include "hls/testing.hpp"

namespace {

using sluice::WordPattern;
using sluice::WrittenMap;
using sluice::testing::Random;

constexpr std::size_t kWords = 1000;

// The words of the pattern, one at a time.
template <class Visit>
void ForEachWord(const WordPattern& pattern, Visit visit) {
  for (std::uint64_t block = 0; block < pattern.blocks.count; ++block) {
    for (std::uint64_t row = 0; row < pattern.rows.count; ++row) {
      for (std::uint64_t word = 0; word < pattern.length; ++word) {
        visit(pattern.first + block * pattern.blocks.pitch + row * pattern.rows.pitch + word);
      }
    }
  }
}

bool Covered(const std::vector<bool>& flags, const WordPattern& pattern) {
  bool covered = true;
  ForEachWord(pattern, [&](std::uint64_t word) { covered = covered && flags[word]; });
  return covered;
}

// A pattern that fits, often with pitches around the 64 words of a group, 0, or what the other
// dimension takes.
WordPattern RandomPattern(Random& random) {
  while (true) {
    const auto between = [&random](std::uint64_t least, std::uint64_t most) {
      return static_cast<std::uint64_t>(
          random.Between(static_cast<std::int64_t>(least), static_cast<std::int64_t>(most)));
    };
    const auto pitch = [&] { return between(0, 2) > 0 ? between(0, 12) : between(55, 140); };
    WordPattern pattern{between(0, kWords - 1),
                        between(1, 12),
                        {between(1, 20), pitch()},
                        {between(1, 8), pitch()}};
    if (between(0, 2) == 0) pattern.blocks.pitch = pattern.rows.count * pattern.rows.pitch;
    if (between(0, 4) == 0) pattern.length = between(1, 300);
    if (between(0, 2) == 0) std::swap(pattern.rows, pattern.blocks);
    if (pattern.end() <= kWords) return pattern;
  }
}

void CheckMark(const WordPattern& pattern) {
  WrittenMap map(kWords);
  std::vector<bool> flags(kWords);
  map.Mark(pattern);
  ForEachWord(pattern, [&](std::uint64_t word) { flags[word] = true; });
  bool equal = true;
  for (std::size_t word = 0; word < kWords; ++word) {
    equal = equal && map.Covers(WordPattern{word, 1, {}, {}}) == flags[word];
  }
  SLUICE_CHECK(equal);
  SLUICE_CHECK(map.Covers(pattern));
}

// Each word of the pattern left out in turn, and then each word beside it.
void CheckCovers(const WordPattern& pattern) {
  std::vector<bool> flags(kWords);
  ForEachWord(pattern, [&](std::uint64_t word) { flags[word] = true; });
  bool equal = true;
  for (std::size_t left_out = 0; left_out < kWords; ++left_out) {
    WrittenMap map(kWords);
    if (left_out > 0) map.Mark(WordPattern{0, left_out, {}, {}});
    if (left_out + 1 < kWords) map.Mark(WordPattern{left_out + 1, kWords - left_out - 1, {}, {}});
    equal = equal && map.Covers(pattern) != flags[left_out];
  }
  SLUICE_CHECK(equal);
}

void CheckSequence(Random& random) {
  WrittenMap map(kWords);
  std::vector<bool> flags(kWords);
  for (int step = 0; step < 60; ++step) {
    const WordPattern marked = RandomPattern(random);
    map.Mark(marked);
    ForEachWord(marked, [&](std::uint64_t word) { flags[word] = true; });
    const WordPattern asked = RandomPattern(random);
    SLUICE_CHECK(map.Covers(asked) == Covered(flags, asked));
  }
}

// No word twice means no overlap, except where blocks fit between rows without being inside one.
void CheckOverlap(const WordPattern& pattern) {
  std::vector<int> counts(kWords);
  bool twice = false;
  ForEachWord(pattern, [&](std::uint64_t word) { twice = ++counts[word] > 1 || twice; });
  if (twice) SLUICE_CHECK(pattern.Overlaps());
  const bool nested = pattern.rows.pitch >= pattern.length &&
                      pattern.blocks.pitch >= pattern.rows.span() + pattern.length;
  if (nested) SLUICE_CHECK(!pattern.Overlaps());
  WordPattern swapped = pattern;
  std::swap(swapped.rows, swapped.blocks);
  SLUICE_CHECK(swapped.Overlaps() == pattern.Overlaps());
}

// What the caller adds up must not be less than what is done; on chip it stays small.
void CheckSteps() {
  constexpr std::uint64_t kLines = 16384;
  SLUICE_CHECK(WrittenMap::Steps(WordPattern{0, 8, {kLines, 8}, {}}) <= 2050);
  SLUICE_CHECK(WrittenMap::Steps(WordPattern{0, 7, {128, 8}, {128, 128 * 8}}) <= 2051);
  SLUICE_CHECK(WrittenMap::Steps(WordPattern{0, 7, {1000, 0}, {1000, 0}}) <= 3);
  SLUICE_CHECK(WrittenMap::Steps(WordPattern{0, 1, {1023, 64}, {511, 0}}) <= 3 * 1023);
  SLUICE_CHECK(WrittenMap::Steps(WordPattern{0, 1, {1000, 64}, {500, 1}}) >= 1000);
  SLUICE_CHECK(WrittenMap::Steps(WordPattern{0, 1, {1000, 96}, {500, 65}}) >= 500'000);
}

}  // namespace

int main() {
  Random random(71);
  for (int round = 0; round < 5000; ++round) CheckMark(RandomPattern(random));
  for (int round = 0; round < 400; ++round) CheckCovers(RandomPattern(random));
  for (int round = 0; round < 200; ++round) CheckSequence(random);
  for (int round = 0; round < 5000; ++round) CheckOverlap(RandomPattern(random));
  for (const std::uint64_t pitch : {2, 32, 63, 64, 65}) {
    const std::uint64_t count = (kWords - 1) / pitch + 1;
    CheckMark(WordPattern{0, 1, {count, pitch}, {}});
    CheckCovers(WordPattern{0, 1, {count, pitch}, {}});
  }
  CheckSteps();
  WrittenMap map(kWords);
  SLUICE_CHECK(!map.Full());
  map.Mark(WordPattern{0, 1, {500, 2}, {}});
  map.Mark(WordPattern{1, 1, {500, 2}, {}});
  SLUICE_CHECK(map.Full());
  SLUICE_CHECK(WrittenMap(0).Full());
  return sluice::testing::Finish();
}
