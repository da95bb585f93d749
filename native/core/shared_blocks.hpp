// Blocks of memory that can be found again by any of their bytes, for as long as somebody holds
// them.
#ifndef SLUICE_NATIVE_CORE_SHARED_BLOCKS_HPP_
#define SLUICE_NATIVE_CORE_SHARED_BLOCKS_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace sluice {

// Memory of zeros.
class SharedBlock {
 public:
  // Throws std::bad_alloc.
  explicit SharedBlock(std::size_t size);
  ~SharedBlock();
  SharedBlock(const SharedBlock&) = delete;
  SharedBlock& operator=(const SharedBlock&) = delete;

  std::uint8_t* first() const { return first_; }
  std::size_t size() const { return size_; }

 private:
  const std::size_t size_;
  std::uint8_t* const first_;
};

// Lets FindSharedBlock know a block, from any thread.
void ShareBlock(const std::shared_ptr<const SharedBlock>& block);

// The shared block that holds all of the bytes; null when none does.
std::shared_ptr<const SharedBlock> FindSharedBlock(std::span<const std::uint8_t> bytes);

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_SHARED_BLOCKS_HPP_
