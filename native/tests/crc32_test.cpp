// CRC-32 against published values and its own bytewise definition.
#include "native/core/crc32.hpp"

#include <span>
#include <string_view>
#include <vector>

#include "hls/testing.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes BytesOf(std::string_view text) { return Bytes(text.begin(), text.end()); }

std::uint32_t Bitwise(const Bytes& bytes) {
  std::uint32_t crc = 0xffffffffu;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
  }
  return crc ^ 0xffffffffu;
}

}  // namespace

int main() {
  SLUICE_CHECK(sluice::Crc32(BytesOf("123456789")) == 0xcbf43926u);
  SLUICE_CHECK(sluice::Crc32({}) == 0);
  sluice::testing::Random random(1);
  Bytes bytes;
  for (int length = 0; length < 70; ++length) {
    SLUICE_CHECK(sluice::Crc32(bytes) == Bitwise(bytes));
    const std::span<const std::uint8_t> all(bytes);
    const std::size_t half = bytes.size() / 2;
    SLUICE_CHECK(sluice::Crc32(all.subspan(half), sluice::Crc32(all.first(half))) ==
                 Bitwise(bytes));
    bytes.push_back(static_cast<std::uint8_t>(random.Next()));
  }
  return sluice::testing::Finish();
}
