#include "native/core/crc32.hpp"

#include <array>
#include <cstddef>

namespace sluice {
namespace {

constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

// tables[s][b] is the CRC of byte b followed by s zero bytes, so eight bytes take eight look-ups
// that do not wait for one another.
constexpr Tables MakeTables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? (value >> 1) ^ 0xedb88320u : value >> 1;
    tables[0][byte] = value;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = tables[0][before & 0xff] ^ (before >> 8);
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

std::uint32_t Crc32(std::span<const std::uint8_t> bytes, std::uint32_t before) {
  std::uint32_t crc = before ^ 0xffffffffu;
  while (bytes.size() >= kSlices) {
    std::uint32_t next = 0;
    for (std::size_t index = 0; index < 4; ++index) {
      next ^= kTables[kSlices - 1 - index][(bytes[index] ^ (crc >> (8 * index))) & 0xff];
    }
    for (std::size_t index = 4; index < kSlices; ++index) {
      next ^= kTables[kSlices - 1 - index][bytes[index]];
    }
    crc = next;
    bytes = bytes.subspan(kSlices);
  }
  for (const std::uint8_t byte : bytes) crc = kTables[0][(crc ^ byte) & 0xff] ^ (crc >> 8);
  return crc ^ 0xffffffffu;
}

}  // namespace sluice
