// WrittenMap against one flag a word, over random and extreme rows.
#include "native/core/written_map.hpp"

#include <vector>

#include "hls/testing.hpp"

namespace {

using sluice::WordRows;
using sluice::WrittenMap;
using sluice::testing::Random;

constexpr std::size_t kWords = 1000;

// The words of the rows, one at a time.
template <class Visit>
void ForEachWord(const WordRows& rows, Visit visit) {
  for (std::uint64_t row = 0; row < rows.count; ++row) {
    for (std::uint64_t word = 0; word < rows.length; ++word) {
      visit(rows.first + row * rows.pitch + word);
    }
  }
}

bool Covered(const std::vector<bool>& flags, const WordRows& rows) {
  bool covered = true;
  ForEachWord(rows, [&](std::uint64_t word) { covered = covered && flags[word]; });
  return covered;
}

// Rows that fit, often with pitches around the 64 words of a group.
WordRows RandomRows(Random& random) {
  while (true) {
    const auto between = [&random](std::int64_t least, std::int64_t most) {
      return static_cast<std::uint64_t>(random.Between(least, most));
    };
    const std::uint64_t pitch = between(0, 1) == 0 ? between(0, 9) : between(55, 140);
    const WordRows rows{between(0, kWords - 1), between(1, 40), pitch,
                        between(1, static_cast<std::int64_t>(pitch) + 3)};
    if (rows.end() <= kWords) return rows;
  }
}

void CheckMark(const WordRows& rows) {
  WrittenMap map(kWords);
  std::vector<bool> flags(kWords);
  map.Mark(rows);
  ForEachWord(rows, [&](std::uint64_t word) { flags[word] = true; });
  bool equal = true;
  for (std::size_t word = 0; word < kWords; ++word) {
    equal = equal && map.Covers(word, 1) == flags[word];
  }
  SLUICE_CHECK(equal);
  SLUICE_CHECK(map.Covers(rows));
}

// Each word of the rows left out in turn, and then each word beside them.
void CheckCovers(const WordRows& rows) {
  std::vector<bool> flags(kWords);
  ForEachWord(rows, [&](std::uint64_t word) { flags[word] = true; });
  bool equal = true;
  for (std::size_t left_out = 0; left_out < kWords; ++left_out) {
    WrittenMap map(kWords);
    map.Mark(0, left_out);
    map.Mark(left_out + 1, kWords - left_out - 1);
    equal = equal && map.Covers(rows) != flags[left_out];
  }
  SLUICE_CHECK(equal);
}

void CheckSequence(Random& random) {
  WrittenMap map(kWords);
  std::vector<bool> flags(kWords);
  for (int step = 0; step < 60; ++step) {
    const WordRows marked = RandomRows(random);
    map.Mark(marked);
    ForEachWord(marked, [&](std::uint64_t word) { flags[word] = true; });
    const WordRows asked = RandomRows(random);
    SLUICE_CHECK(map.Covers(asked) == Covered(flags, asked));
  }
}

}  // namespace

int main() {
  Random random(71);
  for (int round = 0; round < 3000; ++round) CheckMark(RandomRows(random));
  for (int round = 0; round < 300; ++round) CheckCovers(RandomRows(random));
  for (int round = 0; round < 200; ++round) CheckSequence(random);
  for (const std::uint64_t pitch : {2, 32, 63, 64, 65}) {
    const std::uint64_t count = (kWords - 1) / pitch + 1;
    CheckMark(WordRows{0, count, pitch, 1});
    CheckCovers(WordRows{0, count, pitch, 1});
  }
  WrittenMap map(kWords);
  SLUICE_CHECK(!map.Full());
  map.Mark(WordRows{0, 500, 2, 1});
  map.Mark(WordRows{1, 500, 2, 1});
  SLUICE_CHECK(map.Full());
  return sluice::testing::Finish();
}
