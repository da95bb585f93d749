// Blocks are found by their bytes, and another thread may let go of them at any time.
#include "native/core/shared_blocks.hpp"

#include <atomic>
#include <memory>
#include <span>
#include <thread>

#include "hls/testing.hpp"

namespace {

using sluice::FindSharedBlock;
using sluice::ShareBlock;
using sluice::SharedBlock;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kSize = 64;

std::shared_ptr<const SharedBlock> NewBlock() {
  auto block = std::make_shared<const SharedBlock>(kSize);
  ShareBlock(block);
  return block;
}

void TestFinding() {
  std::shared_ptr<const SharedBlock> block = NewBlock();
  const std::uint8_t* const first = block->first();
  SLUICE_CHECK(FindSharedBlock(Bytes(first, kSize)) == block);
  SLUICE_CHECK(FindSharedBlock(Bytes(first + 10, kSize - 10)) == block);
  SLUICE_CHECK(FindSharedBlock(Bytes(first + 10, 0)) == block);
  SLUICE_CHECK(FindSharedBlock(Bytes(first + 10, kSize)) == nullptr);
  const std::uint8_t own[1] = {0};
  SLUICE_CHECK(FindSharedBlock(Bytes(own, 1)) == nullptr);
  for (std::size_t index = 0; index < kSize; ++index) SLUICE_CHECK(first[index] == 0);
  block = nullptr;
  SLUICE_CHECK(FindSharedBlock(Bytes(own, 1)) == nullptr);
}

// The finder asks for more than a block that the other thread drops meanwhile: when the finder's is
// then the last reference, it must not be let go of under the lock.
void TestDroppingMeanwhile() {
  constexpr int kRounds = 2'000;
  std::shared_ptr<const SharedBlock> block;
  std::atomic<int> made{0};
  std::atomic<int> dropped{0};
  std::thread dropper([&] {
    for (int round = 1; round <= kRounds; ++round) {
      while (made.load() < round) std::this_thread::yield();
      for (int wait = 0; wait < round % 97; ++wait) made.load();
      block = nullptr;
      dropped.store(round);
    }
  });
  int found = 0;
  for (int round = 1; round <= kRounds; ++round) {
    block = NewBlock();
    const std::uint8_t* const first = block->first();
    made.store(round);
    while (dropped.load() < round) {
      if (FindSharedBlock(Bytes(first, kSize + 1)) != nullptr) ++found;
    }
  }
  dropper.join();
  SLUICE_CHECK(found == 0);
}

}  // namespace

int main() {
  TestFinding();
  TestDroppingMeanwhile();
  return sluice::testing::Finish();
}
