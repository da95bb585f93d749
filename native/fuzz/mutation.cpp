#include "native/fuzz/mutation.hpp"

#include <algorithm>
#include <span>

#include "hls/isa/extract.hpp"
#include "native/tests/program_builder.hpp"

namespace sluice::fuzz {
namespace {

constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kInstructionCountOffset = 48;
constexpr std::size_t kWeightsBytesOffset = 56;
constexpr std::size_t kWeightsAlignmentBytes = 64;

using File = std::vector<std::uint8_t>;

std::uint64_t Read(const File& file, std::size_t offset, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t index = bytes; index > 0; --index) {
    value = value << 8 | file[offset + index - 1];
  }
  return value;
}

void Write(File* file, std::size_t offset, std::uint64_t value, std::size_t bytes) {
  for (std::size_t index = 0; index < bytes; ++index) {
    (*file)[offset + index] = static_cast<std::uint8_t>(value >> (8 * index));
  }
}

// Instructions that the header announces and the file has.
std::size_t InstructionCount(const File& file) {
  if (file.size() < kHeaderBytes) return 0;
  return std::min<std::size_t>(Read(file, kInstructionCountOffset, 4),
                               (file.size() - kHeaderBytes) / isa::kInstructionBytes);
}

std::span<const isa::Field> FieldsOf(std::uint64_t operation) {
  switch (static_cast<isa::Operation>(operation)) {
    case isa::Operation::kLoad:
    case isa::Operation::kStore:
      return isa::transfer::kAll;
    case isa::Operation::kConvolve:
      return isa::convolution::kAll;
    case isa::Operation::kPool:
      return isa::pool::kAll;
    case isa::Operation::kAdd:
      return isa::addition::kAll;
    case isa::Operation::kMultiply:
      return isa::multiplication::kAll;
    case isa::Operation::kFinish:
      break;
  }
  return isa::header::kAll;
}

std::size_t Pick(testing::Random* random, std::size_t count) {
  return static_cast<std::size_t>(random->Between(0, static_cast<std::int64_t>(count) - 1));
}

// Small numbers, neighbours of what stands there, extremes, and anything.
std::int64_t NewValue(const isa::Field& field, std::int64_t before, testing::Random* random) {
  switch (Pick(random, 5)) {
    case 0:
      return random->Between(0, 4);
    case 1:
      return before + random->Between(-2, 2);
    case 2:
      return (std::int64_t{1} << field.width) - 1;
    case 3:
      return before * 2;
    default:
      return static_cast<std::int64_t>(random->Next());
  }
}

std::int64_t ReadField(const isa::InstructionWords& words, const isa::Field& field) {
  std::uint64_t value = 0;
  for (std::uint32_t bit = 0; bit < field.width; ++bit) {
    const std::uint32_t at = field.low_bit + bit;
    value |= (words.word[at / 64] >> at % 64 & 1) << bit;
  }
  return static_cast<std::int64_t>(value);
}

void ChangeField(File* file, std::size_t offset, testing::Random* random) {
  isa::InstructionWords words{};
  for (std::size_t word = 0; word < isa::kInstructionWords; ++word) {
    words.word[word] = Read(*file, offset + 8 * word, 8);
  }
  const bool header = Pick(random, 6) == 0;
  const std::span<const isa::Field> fields =
      header ? std::span<const isa::Field>(isa::header::kAll) : FieldsOf(words.word[0] & 31);
  const isa::Field& field = fields[Pick(random, fields.size())];
  isa::Place(words, field, NewValue(field, ReadField(words, field), random));
  for (std::size_t word = 0; word < isa::kInstructionWords; ++word) {
    Write(file, offset + 8 * word, words.word[word], 8);
  }
}

}  // namespace

bool MutateInstructions(File* file, testing::Random* random) {
  const std::size_t count = InstructionCount(*file);
  if (count == 0) return false;
  const auto at = [&](std::size_t index) { return kHeaderBytes + index * isa::kInstructionBytes; };
  const std::size_t from = at(Pick(random, count));
  const std::size_t to = at(Pick(random, count));
  switch (Pick(random, 8)) {
    case 0:
      std::copy_n(file->data() + from, isa::kInstructionBytes, file->data() + to);
      break;
    case 1:
      std::swap_ranges(file->data() + from, file->data() + from + isa::kInstructionBytes,
                       file->data() + to);
      break;
    default:
      ChangeField(file, from, random);
  }
  return true;
}

void Mend(File* file) {
  if (file->size() < kHeaderBytes) return;
  const std::size_t end = kHeaderBytes + InstructionCount(*file) * isa::kInstructionBytes;
  const std::size_t weights =
      (end + kWeightsAlignmentBytes - 1) / kWeightsAlignmentBytes * kWeightsAlignmentBytes;
  if (weights > file->size()) file->resize(weights);
  Write(file, kWeightsBytesOffset, file->size() - weights, 8);
  testing::FixChecksums(file);
}

}  // namespace sluice::fuzz
