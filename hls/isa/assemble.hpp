// Writes instructions, for test benches. The compiler's encoder is contract/npu/instructions.ts.
#ifndef SLUICE_HLS_ISA_ASSEMBLE_HPP_
#define SLUICE_HLS_ISA_ASSEMBLE_HPP_

#include <cstdint>

#include "hls/isa/instruction.hpp"

namespace sluice {
namespace isa {

inline void Place(InstructionWords* words, Field field, std::int64_t value) {
  const std::uint64_t mask = ((std::uint64_t{1} << field.width) - 1) << field.low_bit;
  std::uint64_t& word = words->word[field.word];
  word = (word & ~mask) | ((static_cast<std::uint64_t>(value) << field.low_bit) & mask);
}

inline InstructionWords Assemble(Operation operation, Unit unit) {
  InstructionWords words{};
  Place(&words, header::kOperation, static_cast<std::int64_t>(operation));
  Place(&words, header::kUnit, static_cast<std::int64_t>(unit));
  return words;
}

inline InstructionWords AssembleTransfer(Operation operation, const Transfer& fields) {
  InstructionWords words =
      Assemble(operation, operation == Operation::kLoad ? Unit::kLoad : Unit::kStore);
  Place(&words, transfer::kDramOffset, fields.dram_offset_beats);
  Place(&words, transfer::kRegion, fields.region);
  Place(&words, transfer::kMemory, fields.memory);
  Place(&words, transfer::kSramAddress, fields.sram_address);
  Place(&words, transfer::kRows, fields.rows);
  Place(&words, transfer::kRowBeats, fields.row_beats);
  Place(&words, transfer::kDramPitchBeats, fields.dram_pitch_beats);
  Place(&words, transfer::kSramPitch, fields.sram_pitch);
  return words;
}

inline InstructionWords AssembleGemm(const Gemm& fields) {
  InstructionWords words = Assemble(Operation::kGemm, Unit::kExecute);
  Place(&words, gemm::kActivationAddress, fields.activation_address);
  Place(&words, gemm::kWeightAddress, fields.weight_address);
  Place(&words, gemm::kParameterAddress, fields.parameter_address);
  Place(&words, gemm::kOutputAddress, fields.output_address);
  Place(&words, gemm::kRows, fields.rows);
  Place(&words, gemm::kInputBlocks, fields.input_blocks);
  Place(&words, gemm::kOutputBlocks, fields.output_blocks);
  Place(&words, gemm::kActivationPitch, fields.activation_pitch);
  Place(&words, gemm::kOutputPitch, fields.output_pitch);
  Place(&words, gemm::kOutputZeroPoint, fields.output_zero_point);
  Place(&words, gemm::kMinimum, fields.minimum);
  Place(&words, gemm::kMaximum, fields.maximum);
  return words;
}

inline InstructionWords AssembleFinish() {
  InstructionWords words = Assemble(Operation::kFinish, Unit::kStore);
  Place(&words, header::kLast, 1);
  return words;
}

}  // namespace isa
}  // namespace sluice

#endif  // SLUICE_HLS_ISA_ASSEMBLE_HPP_
