// Every named limit of the native code. Instructions and tokens are in hls/isa/instructions.json.
#ifndef SLUICE_NATIVE_CORE_LIMITS_HPP_
#define SLUICE_NATIVE_CORE_LIMITS_HPP_

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::limits {

constexpr std::size_t kMiB = 1024 * 1024;

// Equal to contract/limits.ts programBytesMax.
constexpr std::size_t kProgramBytesMax = 512 * kMiB;
// Input or output of one item.
constexpr std::size_t kItemBytesMax = 64 * kMiB;
constexpr std::size_t kArenaBytesMax = 256 * kMiB;
// Inputs or outputs of all items of one submission.
constexpr std::size_t kSubmissionBytesMax = 64 * kMiB;
// Submissions that wait for one device or run on it.
constexpr std::size_t kSubmissionsMax = 256;
// From telling a device to stop until it counts as hung.
constexpr std::chrono::milliseconds kStopGrace{5000};
// Visits of 64 words (written_map.hpp) that following a program's instructions may take: a second
// or two. 65,536 instructions that each read two and write one of the largest activation memory,
// contiguous or in rows with short gaps, take three quarters of it.
constexpr std::uint64_t kCheckStepsMax = std::uint64_t{1} << 29;

}  // namespace sluice::limits

#endif  // SLUICE_NATIVE_CORE_LIMITS_HPP_
