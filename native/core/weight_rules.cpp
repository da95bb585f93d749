#include "native/core/weight_rules.hpp"

#include <algorithm>

#include "hls/isa/generated/instructions.hpp"

namespace sluice {
namespace {

constexpr std::size_t kGroupBeats = 64;

// The bytes of a record's second word.
constexpr std::size_t kScaleOffset = 4;

}  // namespace

bool WeightsValid(std::span<const std::uint8_t> bytes) {
  static_assert(isa::kWeightMin == -127, "one value is refused");
  return std::find(bytes.begin(), bytes.end(), std::uint8_t{0x80}) == bytes.end();
}

bool RecordsValid(std::span<const std::uint8_t> bytes) {
  static_assert(isa::kMultiplierBits == 24 && isa::kShiftMax == 63, "the last byte is the shift");
  for (std::size_t at = 0; at < bytes.size(); at += isa::kParameterRecordBytes) {
    const std::uint32_t shift_and_zeros = bytes[at + kScaleOffset + isa::kMultiplierBits / 8];
    if (shift_and_zeros < isa::kShiftMin || shift_and_zeros > isa::kShiftMax) return false;
  }
  return true;
}

bool BeatExaminer::Holds(std::size_t first, std::size_t count) {
  const std::size_t end = first + count;
  while (first < end) {
    const std::size_t low = first % kGroupBeats;
    const std::size_t width = std::min(kGroupBeats - low, end - first);
    const std::uint64_t ones = ~std::uint64_t{0} >> (kGroupBeats - width);
    if ((~Examined(first / kGroupBeats).holds >> low & ones) != 0) return false;
    first += width;
  }
  return true;
}

const BeatExaminer::Group& BeatExaminer::Examined(std::size_t group) {
  const std::size_t beats = weights_.size() / beat_bytes_;
  if (groups_.empty()) groups_.resize((beats + kGroupBeats - 1) / kGroupBeats);
  Group& known = groups_[group];
  if (known.examined) return known;
  known.examined = true;
  const std::size_t first = group * kGroupBeats;
  const std::size_t count = std::min(kGroupBeats, beats - first);
  for (std::size_t beat = 0; beat < count; ++beat) {
    const bool holds = rule_(weights_.subspan((first + beat) * beat_bytes_, beat_bytes_));
    known.holds |= std::uint64_t{holds ? 1u : 0u} << beat;
  }
  return known;
}

}  // namespace sluice
