// CRC-32 of IEEE 802.3, reflected, as zlib's and contract/npu/program.ts's.
#ifndef SLUICE_NATIVE_CORE_CRC32_HPP_
#define SLUICE_NATIVE_CORE_CRC32_HPP_

#include <cstdint>
#include <span>

namespace sluice {

// `before` is the checksum of the bytes that come before these.
std::uint32_t Crc32(std::span<const std::uint8_t> bytes, std::uint32_t before = 0);

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_CRC32_HPP_
