// Every named limit of the native code. Instructions and tokens are in hls/isa/instructions.json.
#ifndef SLUICE_NATIVE_CORE_LIMITS_HPP_
#define SLUICE_NATIVE_CORE_LIMITS_HPP_

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

}  // namespace sluice::limits

#endif  // SLUICE_NATIVE_CORE_LIMITS_HPP_
