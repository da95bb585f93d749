// Reads the fields of an instruction. The layout is in instructions.json.
#ifndef SLUICE_HLS_ISA_INSTRUCTION_HPP_
#define SLUICE_HLS_ISA_INSTRUCTION_HPP_

#include <cstdint>

#include "hls/isa/generated/instructions.hpp"

namespace sluice {
namespace isa {

// One instruction as the hardware fetches it.
struct InstructionWords {
  std::uint64_t word[kInstructionWords];
};

// A field's bits, unsigned. No field is wider than 32 bits.
inline std::uint32_t Extract(const InstructionWords& words, Field field) {
  const std::uint64_t mask = (std::uint64_t{1} << field.width) - 1;
  return static_cast<std::uint32_t>((words.word[field.word] >> field.low_bit) & mask);
}

// A field that holds a two's complement number of up to 31 bits.
inline std::int32_t ExtractSigned(const InstructionWords& words, Field field) {
  const std::int32_t value = static_cast<std::int32_t>(Extract(words, field));
  const std::int32_t sign = std::int32_t{1} << (field.width - 1);
  return (value ^ sign) - sign;
}

// What every instruction carries.
struct Header {
  std::uint32_t operation;
  std::uint32_t unit;
  bool pop_previous;
  bool pop_next;
  bool push_previous;
  bool push_next;
  bool last;
};

// Fields of LOAD and STORE. Pitches lead from the start of one row to the start of the next.
struct Transfer {
  std::uint32_t dram_offset_beats;
  std::uint32_t region;
  std::uint32_t memory;
  std::uint32_t sram_address;
  std::uint32_t rows;
  std::uint32_t row_beats;
  std::uint32_t dram_pitch_beats;
  std::uint32_t sram_pitch;
};

// Fields of GEMM. Addresses and pitches count words of their memories.
struct Gemm {
  std::uint32_t activation_address;
  std::uint32_t weight_address;
  std::uint32_t parameter_address;
  std::uint32_t output_address;
  std::uint32_t rows;
  std::uint32_t input_blocks;
  std::uint32_t output_blocks;
  std::uint32_t activation_pitch;
  std::uint32_t output_pitch;
  std::int32_t output_zero_point;
  std::int32_t minimum;
  std::int32_t maximum;
};

inline Header DecodeHeader(const InstructionWords& words) {
  return Header{Extract(words, header::kOperation),         Extract(words, header::kUnit),
                Extract(words, header::kPopPrevious) != 0,  Extract(words, header::kPopNext) != 0,
                Extract(words, header::kPushPrevious) != 0, Extract(words, header::kPushNext) != 0,
                Extract(words, header::kLast) != 0};
}

inline Transfer DecodeTransfer(const InstructionWords& words) {
  return Transfer{Extract(words, transfer::kDramOffset),     Extract(words, transfer::kRegion),
                  Extract(words, transfer::kMemory),         Extract(words, transfer::kSramAddress),
                  Extract(words, transfer::kRows),           Extract(words, transfer::kRowBeats),
                  Extract(words, transfer::kDramPitchBeats), Extract(words, transfer::kSramPitch)};
}

inline Gemm DecodeGemm(const InstructionWords& words) {
  return Gemm{Extract(words, gemm::kActivationAddress),
              Extract(words, gemm::kWeightAddress),
              Extract(words, gemm::kParameterAddress),
              Extract(words, gemm::kOutputAddress),
              Extract(words, gemm::kRows),
              Extract(words, gemm::kInputBlocks),
              Extract(words, gemm::kOutputBlocks),
              Extract(words, gemm::kActivationPitch),
              Extract(words, gemm::kOutputPitch),
              ExtractSigned(words, gemm::kOutputZeroPoint),
              ExtractSigned(words, gemm::kMinimum),
              ExtractSigned(words, gemm::kMaximum)};
}

}  // namespace isa
}  // namespace sluice

#endif  // SLUICE_HLS_ISA_INSTRUCTION_HPP_
