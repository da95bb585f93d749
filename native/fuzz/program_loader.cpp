// libFuzzer target: hostile program files for every hardware configuration.
//   node scripts/build-native.mjs --fuzz [seconds]
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "native/fuzz/hostile_program.hpp"
#include "native/fuzz/mutation.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sluice::fuzz::Verdict verdict = sluice::fuzz::TryProgram({data, size});
  if (verdict.outcome == sluice::fuzz::Outcome::kFailed) {
    std::fprintf(stderr, "an accepted program failed: %s\n", verdict.reason.c_str());
    std::abort();
  }
  return 0;
}

// Bytes anywhere, or fields of instructions; then sizes and checksums that fit, mostly.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  sluice::testing::Random random(seed * 2ull + 1);
  std::vector<std::uint8_t> file(data, data + size);
  const bool structured = random.Between(0, 3) > 0;
  if (!structured || !sluice::fuzz::MutateInstructions(&file, &random)) {
    file.resize(size_max);
    file.resize(LLVMFuzzerMutate(file.data(), size, size_max));
  }
  if (random.Between(0, 30) > 0) sluice::fuzz::Mend(&file);
  if (file.size() > size_max) file.resize(size_max);
  std::memcpy(data, file.data(), file.size());
  return file.size();
}
