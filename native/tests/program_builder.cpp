#include "native/tests/program_builder.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "native/core/crc32.hpp"

namespace sluice::testing {
namespace {

constexpr std::uint32_t kBlock = 16;
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

isa::Transfer Block(isa::Region region, std::uint32_t offset, isa::Memory memory,
                    std::uint32_t address, std::uint32_t beats) {
  return isa::Transfer{offset,
                       static_cast<std::uint32_t>(region),
                       static_cast<std::uint32_t>(memory),
                       address,
                       1,
                       beats,
                       0,
                       0};
}

FileBytes MakeWeights(const RandomGemm& made) {
  const auto& operands = made.operands;
  const std::uint32_t input_blocks = operands.inputs / kBlock;
  FileBytes weights(std::size_t{operands.inputs} * operands.outputs);
  for (std::uint32_t output = 0; output < operands.outputs; ++output) {
    for (std::uint32_t input = 0; input < operands.inputs; ++input) {
      const std::uint32_t tile = output / kBlock * input_blocks + input / kBlock;
      weights[tile * kBlock * kBlock + output % kBlock * kBlock + input % kBlock] =
          static_cast<std::uint8_t>(operands.weights[output * operands.inputs + input]);
    }
  }
  for (const ChannelRecord& record : made.records) {
    const std::size_t at = weights.size();
    weights.resize(at + isa::kParameterRecordBytes);
    WriteLittleEndian(&weights, at, static_cast<std::uint32_t>(record.bias), 4);
    WriteLittleEndian(&weights, at + 4, record.multiplier, 4);
    weights[at + 8] = static_cast<std::uint8_t>(record.shift);
  }
  return weights;
}

}  // namespace

ProgramParts MakeLayer(const RandomGemm& made) {
  using isa::Memory;
  using isa::Operation;
  using isa::Region;
  const std::uint32_t inputs = made.operands.inputs / kBlock;
  const std::uint32_t outputs = made.operands.outputs / kBlock;
  const std::uint32_t tile_beats = inputs * outputs * kBlock;
  const auto load = [](const isa::Transfer& transfer) {
    return isa::AssembleTransfer(Operation::kLoad, transfer);
  };
  const auto store = [](const isa::Transfer& transfer) {
    return isa::AssembleTransfer(Operation::kStore, transfer);
  };
  ProgramParts parts;
  parts.weights = MakeWeights(made);
  parts.input_bytes = made.operands.inputs;
  parts.output_bytes = made.operands.outputs;
  parts.arena_bytes = made.operands.outputs;
  parts.instructions = {
      load(Block(Region::kWeights, 0, Memory::kWeight, 0, tile_beats)),
      load(Block(Region::kWeights, tile_beats, Memory::kParameter, 0, outputs * kBlock)),
      load(Block(Region::kInput, 0, Memory::kActivation, 0, inputs)),
      isa::AssembleGemm(isa::Gemm{0, 0, 0, inputs, 1, inputs, outputs, inputs, outputs,
                                  made.operands.zero_point, made.operands.minimum,
                                  made.operands.maximum}),
      store(Block(Region::kArena, 0, Memory::kActivation, inputs, outputs)),
      load(Block(Region::kArena, 0, Memory::kActivation, 0, outputs)),
      store(Block(Region::kOutput, 0, Memory::kActivation, 0, outputs)),
      isa::AssembleFinish()};
  isa::Place(&parts.instructions[kLoadInput], isa::header::kPushNext, 1);
  isa::Place(&parts.instructions[kMultiply], isa::header::kPopPrevious, 1);
  isa::Place(&parts.instructions[kMultiply], isa::header::kPushNext, 1);
  isa::Place(&parts.instructions[kSpill], isa::header::kPopPrevious, 1);
  return parts;
}

FileBytes EncodeProgram(const ProgramParts& parts, const Hardware& hardware) {
  constexpr std::string_view kMagic = "SLUICEPG";
  const std::size_t instructions_end =
      kHeaderBytes + parts.instructions.size() * isa::kInstructionBytes;
  const std::size_t weights_offset = (instructions_end + 63) / 64 * 64;
  FileBytes file(weights_offset + parts.weights.size());
  std::copy(kMagic.begin(), kMagic.end(), file.begin());
  WriteLittleEndian(&file, 8, 1, 4);
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
