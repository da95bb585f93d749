#include "native/core/program_rules.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>

#include "hls/npu/checks.hpp"
#include "hls/npu/npu.hpp"
#include "hls/npu/tokens.hpp"
#include "native/core/written_map.hpp"

namespace sluice {
namespace {

using isa::Memory;
using isa::Operation;
using isa::Region;

// Why an instruction is refused; null when it is not.
using Reason = const char*;
constexpr Reason kAccepted = nullptr;

template <std::size_t kCount>
void ClearFields(const isa::Field (&fields)[kCount], isa::InstructionWords* words) {
  for (const isa::Field& field : fields) {
    words->word[field.word] &= ~(((std::uint64_t{1} << field.width) - 1) << field.low_bit);
  }
}

// Whether every bit outside the operation's fields is zero.
bool ReservedBitsClear(isa::InstructionWords words, Operation operation) {
  ClearFields(isa::header::kAll, &words);
  if (operation == Operation::kGemm) ClearFields(isa::gemm::kAll, &words);
  if (operation == Operation::kLoad || operation == Operation::kStore) {
    ClearFields(isa::transfer::kAll, &words);
  }
  std::uint64_t rest = 0;
  for (const std::uint64_t word : words.word) rest |= word;
  return rest == 0;
}

// Bounds of a channel record in the weight section.
bool RecordValid(const Beat& beat) {
  const std::uint32_t multiplier = static_cast<std::uint32_t>(
      beat.byte[4] | beat.byte[5] << 8 | beat.byte[6] << 16 | std::uint32_t{beat.byte[7]} << 24);
  std::uint32_t reserved = 0;
  for (std::size_t index = 9; index < kBeatBytes; ++index) reserved |= beat.byte[index];
  return multiplier < 1u << isa::kMultiplierBits && beat.byte[8] >= isa::kShiftMin &&
         beat.byte[8] <= isa::kShiftMax && reserved == 0;
}

// Rows of one memory that an instruction touches.
struct Rows : WordRows {
  bool fits(std::uint64_t size) const { return RowsFit(first, count, pitch, length, size); }
};

// Follows a program's instructions and keeps what they have written so far.
class Checker {
 public:
  Checker(const Program& program, const Hardware& hardware)
      : program_(program),
        hardware_(hardware),
        sizes_{program.weights.size(), program.input_bytes / kBeatBytes,
               program.output_bytes / kBeatBytes, program.arena_bytes / kBeatBytes},
        activation_(hardware.activation_words),
        weight_(hardware.weight_tiles),
        parameter_(hardware.parameter_records),
        output_(sizes_.output),
        arena_(sizes_.arena) {}

  Reason Check(const isa::InstructionWords& words, bool is_last) {
    const isa::Header header = isa::DecodeHeader(words);
    isa::Unit unit = isa::Unit::kLoad;
    if (!UnitOf(header.operation, unit)) return "no such operation";
    if (header.unit != static_cast<std::uint32_t>(unit)) return "the operation is of another unit";
    const Operation operation = static_cast<Operation>(header.operation);
    if (!ReservedBitsClear(words, operation)) return "a reserved bit is set";
    const bool finishes = operation == Operation::kFinish;
    if (finishes != is_last || header.last != is_last) {
      return "FINISH must be the last instruction, and it alone carries the last flag";
    }
    if (!PopTokens(header, tokens_)) return "pops a token that no unit has pushed";
    const Reason reason = CheckBody(words, operation);
    if (reason != kAccepted) return reason;
    if (!PushTokens(header, tokens_)) return "pushes a token to no unit or to a full queue";
    return finishes ? CheckEnd() : kAccepted;
  }

 private:
  Reason CheckBody(const isa::InstructionWords& words, Operation operation) {
    if (operation == Operation::kLoad) return CheckLoad(isa::DecodeTransfer(words));
    if (operation == Operation::kStore) return CheckStore(isa::DecodeTransfer(words));
    if (operation == Operation::kGemm) return CheckGemm(isa::DecodeGemm(words));
    return kAccepted;
  }

  Reason CheckEnd() const {
    if (!TokensEmpty(tokens_)) return "a token queue is not empty at the end";
    return output_.Full() ? kAccepted : "a part of the output is never stored";
  }

  static Rows DramRows(const isa::Transfer& transfer) {
    return Rows{
        {transfer.dram_offset_beats, transfer.rows, transfer.dram_pitch_beats, transfer.row_beats}};
  }

  // `beats_per_word` divides row_beats.
  static Rows SramRows(const isa::Transfer& transfer, std::uint32_t beats_per_word) {
    return Rows{{transfer.sram_address, transfer.rows, transfer.sram_pitch,
                 transfer.row_beats / beats_per_word}};
  }

  WrittenMap* MapOf(Memory memory) {
    if (memory == Memory::kActivation) return &activation_;
    return memory == Memory::kWeight ? &weight_ : &parameter_;
  }

  std::uint32_t WordsOf(Memory memory) const {
    if (memory == Memory::kActivation) return hardware_.activation_words;
    return memory == Memory::kWeight ? hardware_.weight_tiles : hardware_.parameter_records;
  }

  Reason CheckLoad(const isa::Transfer& transfer) {
    const Memory memory = static_cast<Memory>(transfer.memory);
    const Region region = static_cast<Region>(transfer.region);
    if (transfer.memory > static_cast<std::uint32_t>(Memory::kParameter)) return "no such memory";
    if (transfer.region > static_cast<std::uint32_t>(Region::kArena)) return "no such region";
    if (region == Region::kOutput) return "LOAD from the output";
    if (memory != Memory::kActivation && region != Region::kWeights) {
      return "LOAD of weights or channel records from outside the weight section";
    }
    const std::uint32_t beats_per_word = memory == Memory::kWeight ? hardware_.block : 1;
    if (transfer.row_beats % beats_per_word != 0) return "LOAD of a part of a tile";
    const Rows source = DramRows(transfer);
    const Rows target = SramRows(transfer, beats_per_word);
    if (!source.fits(RegionBeats(transfer.region, sizes_))) return "LOAD from outside its region";
    if (!target.fits(WordsOf(memory))) return "LOAD beyond its memory";
    if (target.overlap()) return "LOAD of rows that overlap";
    if (region == Region::kArena && !arena_.Covers(source)) {
      return "LOAD of a part of the arena that nothing was stored to";
    }
    if (memory == Memory::kParameter && !RecordsValid(source)) {
      return "LOAD of a channel record whose multiplier, shift or reserved bytes are out of range";
    }
    MapOf(memory)->Mark(target);
    return kAccepted;
  }

  // Looks at every beat of the weight section once, however many instructions load it.
  bool RecordsValid(const Rows& source) {
    if (!valid_records_.has_value()) {
      valid_records_.emplace(program_.weights.size());
      for (std::size_t beat = 0; beat < program_.weights.size(); ++beat) {
        if (RecordValid(program_.weights[beat])) valid_records_->Mark(beat, 1);
      }
    }
    return valid_records_->Covers(source);
  }

  Reason CheckStore(const isa::Transfer& transfer) {
    const Region region = static_cast<Region>(transfer.region);
    if (transfer.memory != static_cast<std::uint32_t>(Memory::kActivation)) {
      return "STORE from another memory than ACTIVATION";
    }
    if (region != Region::kOutput && region != Region::kArena) {
      return "STORE to another region than OUTPUT and ARENA";
    }
    const Rows source = SramRows(transfer, 1);
    const Rows target = DramRows(transfer);
    if (!target.fits(RegionBeats(transfer.region, sizes_))) return "STORE to outside its region";
    if (!source.fits(hardware_.activation_words)) return "STORE from beyond its memory";
    if (target.overlap()) return "STORE of rows that overlap";
    if (!activation_.Covers(source)) return "STORE of an activation word that was never written";
    (region == Region::kOutput ? output_ : arena_).Mark(target);
    return kAccepted;
  }

  Reason CheckGemm(const isa::Gemm& gemm) {
    const Rows activations{
        {gemm.activation_address, gemm.rows, gemm.activation_pitch, gemm.input_blocks}};
    const Rows outputs{{gemm.output_address, gemm.rows, gemm.output_pitch, gemm.output_blocks}};
    const Rows weights{
        {gemm.weight_address, gemm.output_blocks, gemm.input_blocks, gemm.input_blocks}};
    const Rows records{
        {gemm.parameter_address, gemm.output_blocks, hardware_.block, hardware_.block}};
    if (!activations.fits(hardware_.activation_words)) return "GEMM reads beyond activation memory";
    if (!outputs.fits(hardware_.activation_words)) return "GEMM writes beyond activation memory";
    if (!weights.fits(hardware_.weight_tiles)) return "GEMM reads beyond weight memory";
    if (!records.fits(hardware_.parameter_records)) return "GEMM reads beyond parameter memory";
    if (activations.overlap() || outputs.overlap()) return "GEMM on rows that overlap";
    if (activations.first < outputs.end() && outputs.first < activations.end()) {
      return "GEMM whose outputs meet its inputs";
    }
    if (gemm.minimum > gemm.maximum) return "GEMM whose minimum is above its maximum";
    if (!activation_.Covers(activations)) return "GEMM reads an activation word never written";
    if (!weight_.Covers(weights)) return "GEMM reads a weight tile never loaded";
    if (!parameter_.Covers(records)) return "GEMM reads a channel record never loaded";
    activation_.Mark(outputs);
    return kAccepted;
  }

  const Program& program_;
  const Hardware& hardware_;
  const RegionSizes sizes_;
  TokenQueues tokens_{0, 0, 0, 0};
  WrittenMap activation_;
  WrittenMap weight_;
  WrittenMap parameter_;
  WrittenMap output_;
  WrittenMap arena_;
  // Beats of the weight section that are channel records; empty until the first is loaded.
  std::optional<WrittenMap> valid_records_;
};

}  // namespace

Status CheckInstructions(const Program& program, const Hardware& hardware,
                         const std::atomic<bool>& stop) {
  Checker checker(program, hardware);
  for (std::size_t index = 0; index < program.instructions.size(); ++index) {
    if (stop) return LoadingStopped();
    const bool is_last = index + 1 == program.instructions.size();
    const Reason reason = checker.Check(program.instructions[index], is_last);
    if (reason != kAccepted) {
      return ProgramInvalid("instruction " + std::to_string(index) + ": " + reason);
    }
  }
  return Ok();
}

}  // namespace sluice
