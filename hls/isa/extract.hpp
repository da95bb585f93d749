// Reads and writes bits of an instruction with shifts and masks, never through bit-field structs,
// so that the meaning does not depend on the compiler or the byte order.
#ifndef SLUICE_HLS_ISA_EXTRACT_HPP_
#define SLUICE_HLS_ISA_EXTRACT_HPP_

#include <cstdint>

#include "hls/isa/generated/instructions.hpp"

namespace sluice {
namespace isa {

// One instruction as the hardware fetches it.
struct InstructionWords {
  std::uint64_t word[kInstructionWords];
};

// `kWidth` bits from `kLowBit` on, which may stand in two words. No field is wider than 32 bits.
template <std::uint32_t kLowBit, std::uint32_t kWidth>
inline std::uint32_t Extract(const InstructionWords& words) {
  static_assert(kWidth >= 1 && kWidth <= 32 && kLowBit + kWidth <= kInstructionWords * 64,
                "the field lies in the instruction");
  constexpr std::uint32_t kWord = kLowBit / 64;
  constexpr std::uint32_t kShift = kLowBit % 64;
  constexpr bool kSplit = kShift + kWidth > 64;
  constexpr std::uint32_t kUpperWord = kSplit ? kWord + 1 : kWord;
  constexpr std::uint32_t kUpperShift = kSplit ? 64 - kShift : 0;
  // In 32 bits, where the two parts are no rotation of 64 that a compiler could make of them.
  const std::uint32_t lower = static_cast<std::uint32_t>(words.word[kWord] >> kShift);
  const std::uint32_t upper =
      kSplit ? static_cast<std::uint32_t>(words.word[kUpperWord]) << kUpperShift : 0;
  constexpr std::uint32_t kMask = static_cast<std::uint32_t>((std::uint64_t{1} << kWidth) - 1);
  return (lower | upper) & kMask;
}

// The same of a two's complement number of up to 31 bits.
template <std::uint32_t kLowBit, std::uint32_t kWidth>
inline std::int32_t ExtractSigned(const InstructionWords& words) {
  static_assert(kWidth <= 31, "the sign has a bit of its own");
  const std::int32_t value = static_cast<std::int32_t>(Extract<kLowBit, kWidth>(words));
  const std::int32_t sign = std::int32_t{1} << (kWidth - 1);
  return (value ^ sign) - sign;
}

// Writes a field; bits of `value` beyond its width are dropped.
inline void Place(InstructionWords& words, const Field& field, std::int64_t value) {
  const std::uint64_t mask = (std::uint64_t{1} << field.width) - 1;
  const std::uint64_t bits = static_cast<std::uint64_t>(value) & mask;
  const std::uint32_t word = field.low_bit / 64;
  const std::uint32_t shift = field.low_bit % 64;
  words.word[word] = (words.word[word] & ~(mask << shift)) | (bits << shift);
  if (shift + field.width <= 64) return;
  const std::uint32_t upper = 64 - shift;
  words.word[word + 1] = (words.word[word + 1] & ~(mask >> upper)) | (bits >> upper);
}

}  // namespace isa
}  // namespace sluice

#endif  // SLUICE_HLS_ISA_EXTRACT_HPP_
