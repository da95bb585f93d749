#include "native/core/shared_blocks.hpp"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <utility>

namespace sluice {
namespace {

// Every shared block there is, by its first byte. Environments on several threads share it, and a
// thread that is left behind may let go of a block at the very end, so it is never destroyed.
class Registry {
 public:
  static Registry& Instance() {
    static Registry* const registry = new Registry();
    return *registry;
  }

  void Add(const std::uint8_t* first, std::weak_ptr<const SharedBlock> block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_[first] = std::move(block);
  }

  void Remove(const std::uint8_t* first) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_.erase(first);
  }

  // The block that begins last before the byte, if it is still held.
  std::shared_ptr<const SharedBlock> BlockBefore(const std::uint8_t* byte) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto after = blocks_.upper_bound(byte);
    return after == blocks_.begin() ? nullptr : std::prev(after)->second.lock();
  }

 private:
  std::mutex mutex_;
  std::map<const std::uint8_t*, std::weak_ptr<const SharedBlock>> blocks_;
};

}  // namespace

SharedBlock::SharedBlock(std::size_t size)
    : size_(size), first_(static_cast<std::uint8_t*>(std::calloc(size > 0 ? size : 1, 1))) {
  // Pages that nobody has touched cost nothing, which a vector would touch.
  if (first_ == nullptr) throw std::bad_alloc();
}

SharedBlock::~SharedBlock() {
  // First, so that no other block of the same place is taken out.
  Registry::Instance().Remove(first_);
  std::free(first_);
}

void ShareBlock(const std::shared_ptr<const SharedBlock>& block) {
  Registry::Instance().Add(block->first(), block);
}

std::shared_ptr<const SharedBlock> FindSharedBlock(std::span<const std::uint8_t> bytes) {
  // Held outside the registry's lock: letting go of the last reference takes it again.
  std::shared_ptr<const SharedBlock> block = Registry::Instance().BlockBefore(bytes.data());
  if (block == nullptr) return nullptr;
  const std::uint8_t* const end = block->first() + block->size();
  return bytes.data() + bytes.size() > end ? nullptr : block;
}

}  // namespace sluice
