// Bytes that several owners share and none copies.
#ifndef SLUICE_NATIVE_CORE_SHARED_BYTES_HPP_
#define SLUICE_NATIVE_CORE_SHARED_BYTES_HPP_

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace sluice {

// A part of a block of memory, which lives as long as any of these.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::shared_ptr<const void> owner, std::span<const std::uint8_t> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  // Takes a vector over.
  explicit SharedBytes(std::vector<std::uint8_t> bytes) {
    auto owned = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytes));
    bytes_ = *owned;
    owner_ = std::move(owned);
  }

  std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::uint8_t> bytes_;
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_SHARED_BYTES_HPP_
