#include "native/tests/program_builder.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "native/core/crc32.hpp"

namespace sluice::testing {
namespace {

constexpr std::size_t kHeaderBytes = 128;

void WriteLittleEndian(FileBytes* file, std::size_t offset, std::uint64_t value,
                       std::size_t count) {
  for (std::size_t index = 0; index < count; ++index) {
    (*file)[offset + index] = static_cast<std::uint8_t>(value >> (8 * index));
  }
}

std::size_t ReadLittleEndian32(const FileBytes& file, std::size_t offset) {
  std::size_t value = 0;
  for (std::size_t index = 4; index > 0; --index) value = value << 8 | file[offset + index - 1];
  return value;
}

}  // namespace

FileBytes EncodeProgram(const ProgramParts& parts, const Hardware& hardware) {
  constexpr std::string_view kMagic = "SLUICEPG";
  const std::size_t instructions_end =
      kHeaderBytes + parts.instructions.size() * isa::kInstructionBytes;
  const std::size_t weights_offset = (instructions_end + 63) / 64 * 64;
  FileBytes file(weights_offset + parts.weights.size());
  std::copy(kMagic.begin(), kMagic.end(), file.begin());
  WriteLittleEndian(&file, 8, 2, 4);
  WriteLittleEndian(&file, 12, kHeaderBytes, 4);
  std::copy(hardware.hash.begin(), hardware.hash.end(), file.begin() + 16);
  WriteLittleEndian(&file, 48, parts.instructions.size(), 4);
  WriteLittleEndian(&file, 56, parts.weights.size(), 8);
  WriteLittleEndian(&file, 68, parts.input_bytes, 4);
  WriteLittleEndian(&file, 72, parts.output_bytes, 4);
  WriteLittleEndian(&file, 76, parts.arena_bytes, 4);
  std::size_t at = kHeaderBytes;
  for (const isa::InstructionWords& words : parts.instructions) {
    for (const std::uint64_t word : words.word) {
      WriteLittleEndian(&file, at, word, 8);
      at += 8;
    }
  }
  std::copy(parts.weights.begin(), parts.weights.end(),
            file.begin() + static_cast<std::ptrdiff_t>(weights_offset));
  FixChecksums(&file);
  return file;
}

void FixChecksums(FileBytes* file) {
  const std::span<const std::uint8_t> bytes(*file);
  const std::size_t count = ReadLittleEndian32(*file, 48);
  if (count <= (file->size() - kHeaderBytes) / isa::kInstructionBytes) {
    const std::size_t end = kHeaderBytes + count * isa::kInstructionBytes;
    const std::size_t weights_offset = std::min((end + 63) / 64 * 64, file->size());
    WriteLittleEndian(file, 52, Crc32(bytes.subspan(kHeaderBytes, end - kHeaderBytes)), 4);
    WriteLittleEndian(file, 64, Crc32(bytes.subspan(weights_offset)), 4);
  }
  WriteLittleEndian(file, 124, Crc32(bytes.first(124)), 4);
}

}  // namespace sluice::testing
