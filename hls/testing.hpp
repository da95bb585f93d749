// Checks for the test benches: counts what failed, and exits with it.
#ifndef SLUICE_HLS_TESTING_HPP_
#define SLUICE_HLS_TESTING_HPP_

#include <cstdint>
#include <cstdio>

namespace sluice {
namespace testing {

// Counts of one test program.
struct Tally {
  unsigned passed = 0;
  unsigned failed = 0;
};

inline Tally& CurrentTally() {
  static Tally tally;
  return tally;
}

inline void Record(bool holds, const char* what, const char* file, int line) {
  if (holds) {
    ++CurrentTally().passed;
    return;
  }
  ++CurrentTally().failed;
  std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
}

// Prints the counts; the exit code of the program.
inline int Finish() {
  std::printf("%u passed, %u failed\n", CurrentTally().passed, CurrentTally().failed);
  return CurrentTally().failed == 0 && CurrentTally().passed > 0 ? 0 : 1;
}

// Repeatable random numbers (xorshift64*); the same seed gives the same tests everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed | 1) {}

  std::uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 2685821657736338717ull;
  }

  // Uniform from least to most, both included.
  std::int64_t Between(std::int64_t least, std::int64_t most) {
    const std::uint64_t count = static_cast<std::uint64_t>(most - least) + 1;
    return least + static_cast<std::int64_t>((Next() >> 16) % count);
  }

 private:
  std::uint64_t state_;
};

}  // namespace testing
}  // namespace sluice

// Counts one check and names it where it fails.
#define SLUICE_CHECK(condition) \
  ::sluice::testing::Record(static_cast<bool>(condition), #condition, __FILE__, __LINE__)

#endif  // SLUICE_HLS_TESTING_HPP_
