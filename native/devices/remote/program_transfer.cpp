#include "native/devices/remote/program_transfer.hpp"

#include <cstring>
#include <string>

#include "native/core/limits.hpp"

namespace sluice::remote {
namespace {

Status CheckSize(const char* name, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value >= least && value <= most) return Ok();
  return ProgramInvalid(std::string(name) + " is " + std::to_string(value) + "; " +
                        std::to_string(least) + " to " + std::to_string(most) + " expected");
}

}  // namespace

ProgramSizes SizesOf(const Program& program) {
  return ProgramSizes{program.instructions.size(), program.weights.size(), program.input_bytes,
                      program.output_bytes, program.arena_bytes};
}

Status CheckSizes(const ProgramSizes& sizes) {
  constexpr std::uint64_t kInstructionsMax =
      limits::kProgramBytesMax / sizeof(isa::InstructionWords);
  Status status = CheckSize("instructions", sizes.instructions, 1, kInstructionsMax);
  if (status.ok())
    status = CheckSize("weights in bytes", sizes.weights_bytes, 0, limits::kProgramBytesMax);
  if (status.ok()) {
    status = CheckSize("input in bytes", sizes.input_bytes, 1, limits::kItemBytesMax);
  }
  if (status.ok()) {
    status = CheckSize("output in bytes", sizes.output_bytes, 1, limits::kItemBytesMax);
  }
  if (status.ok()) {
    status = CheckSize("arena in bytes", sizes.arena_bytes, 0, limits::kArenaBytesMax);
  }
  return status;
}

std::size_t ProgramBytes(const ProgramSizes& sizes) {
  return sizes.instructions * sizeof(isa::InstructionWords) + sizes.weights_bytes;
}

std::size_t ItemBytes(const ProgramSizes& sizes) { return sizes.input_bytes + sizes.output_bytes; }

Status WriteProgram(const Program& program, SharedMemory* memory) {
  const Status status = SharedMemory::Create(ProgramBytes(SizesOf(program)), memory);
  if (!status.ok()) return status;
  const std::size_t bytes = program.instructions.size() * sizeof(isa::InstructionWords);
  std::memcpy(memory->bytes().data(), program.instructions.data(), bytes);
  if (program.weights.empty()) return Ok();
  std::memcpy(memory->bytes().data() + bytes, program.weights.data(), program.weights.size());
  return Ok();
}

Program ReadProgram(const ProgramSizes& sizes, std::span<const std::uint8_t> bytes) {
  Program program;
  program.input_bytes = sizes.input_bytes;
  program.output_bytes = sizes.output_bytes;
  program.arena_bytes = sizes.arena_bytes;
  program.instructions.resize(sizes.instructions);
  const std::size_t instruction_bytes = sizes.instructions * sizeof(isa::InstructionWords);
  std::memcpy(program.instructions.data(), bytes.data(), instruction_bytes);
  program.weights.resize(sizes.weights_bytes);
  if (program.weights.empty()) return program;
  std::memcpy(program.weights.data(), bytes.data() + instruction_bytes, sizes.weights_bytes);
  return program;
}

}  // namespace sluice::remote
