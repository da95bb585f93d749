#include "native/core/program.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "native/core/crc32.hpp"
#include "native/core/limits.hpp"
#include "native/core/program_rules.hpp"

namespace sluice {
namespace {

constexpr std::string_view kMagic = "SLUICEPG";
constexpr std::uint64_t kFormatVersion = 2;
constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kWeightsAlignmentBytes = 64;
constexpr std::size_t kRegionAlignmentBytes = 16;
// Bytes between two looks at `stop`: below a millisecond of work.
constexpr std::size_t kPieceBytes = limits::kMiB;

// Where the header's fields stand; contract/npu/program.ts has the table.
constexpr std::size_t kVersionOffset = 8;
constexpr std::size_t kHeaderSizeOffset = 12;
constexpr std::size_t kHashOffset = 16;
constexpr std::size_t kInstructionCountOffset = 48;
constexpr std::size_t kInstructionCrcOffset = 52;
constexpr std::size_t kWeightsBytesOffset = 56;
constexpr std::size_t kWeightsCrcOffset = 64;
constexpr std::size_t kInputBytesOffset = 68;
constexpr std::size_t kOutputBytesOffset = 72;
constexpr std::size_t kArenaBytesOffset = 76;
constexpr std::size_t kReservedOffset = 80;
constexpr std::size_t kHeaderCrcOffset = 124;

using Bytes = std::span<const std::uint8_t>;

// `count` little-endian bytes; the caller has checked that they are there.
std::uint64_t LittleEndian(Bytes bytes, std::size_t offset, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t index = count; index > 0; --index)
    value = value << 8 | bytes[offset + index - 1];
  return value;
}

std::uint64_t Read32(Bytes bytes, std::size_t offset) { return LittleEndian(bytes, offset, 4); }

bool AllZero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

Status CheckHeader(Bytes file, const Hardware& hardware) {
  if (file.size() < kHeaderBytes) {
    return ProgramInvalid(std::to_string(file.size()) + " bytes, at least 128 expected");
  }
  if (file.size() > limits::kProgramBytesMax) {
    return ProgramInvalid(std::to_string(file.size()) + " bytes, at most " +
                          std::to_string(limits::kProgramBytesMax) + " expected");
  }
  if (!std::equal(kMagic.begin(), kMagic.end(), file.begin())) {
    return ProgramInvalid("not an NPU program");
  }
  const std::uint64_t version = Read32(file, kVersionOffset);
  if (version != kFormatVersion) {
    return ProgramInvalid("format version " + std::to_string(version) + ", 2 expected");
  }
  if (Read32(file, kHeaderCrcOffset) != Crc32(file.first(kHeaderCrcOffset))) {
    return ProgramInvalid("the header is damaged");
  }
  if (Read32(file, kHeaderSizeOffset) != kHeaderBytes ||
      !AllZero(file.subspan(kReservedOffset, kHeaderCrcOffset - kReservedOffset))) {
    return ProgramInvalid("the header has another size or a reserved byte that is not zero");
  }
  HardwareHash hash;
  std::copy_n(file.begin() + kHashOffset, hash.size(), hash.begin());
  if (hash != hardware.hash) {
    return Status{StatusCode::kProgramHardwareMismatch,
                  "NPU program: compiled for hardware " + HexOf(hash).substr(0, 12) +
                      ", the device is " + hardware.configuration + " (" +
                      HexOf(hardware.hash).substr(0, 12) + "); compile it for this device"};
  }
  return Ok();
}

Status CheckSize(const char* what, std::uint64_t bytes, std::uint64_t least, std::uint64_t most) {
  if (bytes >= least && bytes <= most && bytes % kRegionAlignmentBytes == 0) return Ok();
  return ProgramInvalid(std::string(what) + " of " + std::to_string(bytes) +
                        " bytes, a multiple of " + std::to_string(kRegionAlignmentBytes) +
                        " from " + std::to_string(least) + " to " + std::to_string(most) +
                        " expected");
}

Status ReadSizes(Bytes file, Program* program) {
  program->input_bytes = Read32(file, kInputBytesOffset);
  program->output_bytes = Read32(file, kOutputBytesOffset);
  program->arena_bytes = Read32(file, kArenaBytesOffset);
  Status status =
      CheckSize("an input", program->input_bytes, kRegionAlignmentBytes, limits::kItemBytesMax);
  if (!status.ok()) return status;
  status =
      CheckSize("an output", program->output_bytes, kRegionAlignmentBytes, limits::kItemBytesMax);
  if (!status.ok()) return status;
  return CheckSize("an arena", program->arena_bytes, 0, limits::kArenaBytesMax);
}

void ReadInstructions(Bytes section, Program* program) {
  program->instructions.resize(section.size() / isa::kInstructionBytes);
  std::size_t offset = 0;
  for (isa::InstructionWords& words : program->instructions) {
    for (std::uint64_t& word : words.word) {
      word = LittleEndian(section, offset, 8);
      offset += 8;
    }
  }
}

// Copies the weights and compares their checksum.
Status ReadWeights(Bytes section, std::uint64_t crc, const std::atomic<bool>& stop,
                   Program* program) {
  program->weights.resize(section.size());
  std::uint32_t actual = 0;
  for (std::size_t offset = 0; offset < section.size(); offset += kPieceBytes) {
    if (stop) return LoadingStopped();
    const Bytes piece = section.subspan(offset, std::min(kPieceBytes, section.size() - offset));
    std::memcpy(program->weights.data() + offset, piece.data(), piece.size());
    actual = Crc32(piece, actual);
  }
  return actual == crc ? Ok() : ProgramInvalid("the weights are damaged");
}

// Finds both sections, checks their checksums and the padding between, and copies them.
Status ReadSections(Bytes file, const std::atomic<bool>& stop, Program* program) {
  const std::uint64_t count = Read32(file, kInstructionCountOffset);
  if (count == 0 || count > isa::kInstructionsMax) {
    return ProgramInvalid(std::to_string(count) + " instructions, 1 to " +
                          std::to_string(isa::kInstructionsMax) + " expected");
  }
  const std::size_t instructions_end = kHeaderBytes + count * isa::kInstructionBytes;
  const std::size_t weights_offset = (instructions_end + kWeightsAlignmentBytes - 1) /
                                     kWeightsAlignmentBytes * kWeightsAlignmentBytes;
  const std::uint64_t weights_bytes = LittleEndian(file, kWeightsBytesOffset, 8);
  if (weights_offset > file.size() || weights_bytes != file.size() - weights_offset) {
    return ProgramInvalid(std::to_string(file.size()) + " bytes, the header announces others");
  }
  if (weights_bytes % kRegionAlignmentBytes != 0) {
    return ProgramInvalid("weights of " + std::to_string(weights_bytes) +
                          " bytes, a multiple of 16 expected");
  }
  const Bytes instructions = file.subspan(kHeaderBytes, instructions_end - kHeaderBytes);
  const Bytes weights = file.subspan(weights_offset);
  if (!AllZero(file.subspan(instructions_end, weights_offset - instructions_end))) {
    return ProgramInvalid("the padding after the instructions is not zero");
  }
  if (Read32(file, kInstructionCrcOffset) != Crc32(instructions)) {
    return ProgramInvalid("the instructions are damaged");
  }
  ReadInstructions(instructions, program);
  return ReadWeights(weights, Read32(file, kWeightsCrcOffset), stop, program);
}

}  // namespace

Status ParseProgram(Bytes file, const Hardware& hardware, const std::atomic<bool>& stop,
                    Program* program) {
  Status status = CheckHeader(file, hardware);
  if (!status.ok()) return status;
  Program parsed;
  status = ReadSizes(file, &parsed);
  if (!status.ok()) return status;
  status = ReadSections(file, stop, &parsed);
  if (!status.ok()) return status;
  status = CheckInstructions(parsed, hardware, stop);
  if (!status.ok()) return status;
  *program = std::move(parsed);
  return Ok();
}

}  // namespace sluice
