#include "native/core/program_rules.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "native/core/execute_rules.hpp"
#include "native/core/memory_state.hpp"
#include "native/core/token_rules.hpp"
#include "native/core/transfer_rules.hpp"

namespace sluice {
namespace {

using isa::Operation;

template <std::size_t kCount>
void ClearFields(const isa::Field (&fields)[kCount], isa::InstructionWords* words) {
  for (const isa::Field& field : fields) isa::Place(*words, field, 0);
}

void ClearBody(Operation operation, isa::InstructionWords* words) {
  switch (operation) {
    case Operation::kLoad:
    case Operation::kStore:
      return ClearFields(isa::transfer::kAll, words);
    case Operation::kConvolve:
      return ClearFields(isa::convolution::kAll, words);
    case Operation::kPool:
      return ClearFields(isa::pool::kAll, words);
    case Operation::kAdd:
      return ClearFields(isa::addition::kAll, words);
    case Operation::kMultiply:
      return ClearFields(isa::multiplication::kAll, words);
    case Operation::kFinish:
      return;
  }
}

// Whether every bit outside the operation's fields is zero.
bool ReservedBitsClear(isa::InstructionWords words, Operation operation) {
  ClearFields(isa::header::kAll, &words);
  ClearBody(operation, &words);
  std::uint64_t rest = 0;
  for (const std::uint64_t word : words.word) rest |= word;
  return rest == 0;
}

// Follows a program's instructions and keeps what they have written so far.
class Checker {
 public:
  Checker(const Program& program, const Hardware& hardware)
      : hardware_(hardware), transfers_(program, hardware), state_(program, hardware) {}

  Reason Check(const isa::InstructionWords& words, bool is_last) {
    const isa::Header header = isa::DecodeHeader(words);
    isa::Unit unit = isa::Unit::kLoad;
    if (!isa::UnitOf(header.operation, unit)) return "no such operation";
    const Operation operation = static_cast<Operation>(header.operation);
    if (!ReservedBitsClear(words, operation)) return "a reserved bit is set";
    if ((operation == Operation::kFinish) != is_last) {
      return "FINISH must be the last instruction and no other";
    }
    if (!tokens_.Pop(unit, header)) return "pops a token that no unit has pushed";
    const Reason reason = CheckBody(words, operation);
    if (reason != kAccepted) return reason;
    if (!tokens_.Push(unit, header)) return "pushes a token to no unit or to a full queue";
    return is_last ? CheckEnd() : kAccepted;
  }

 private:
  Reason CheckBody(const isa::InstructionWords& words, Operation operation) {
    switch (operation) {
      case Operation::kLoad:
        return transfers_.CheckLoad(isa::DecodeTransfer(words), &state_);
      case Operation::kStore:
        return transfers_.CheckStore(isa::DecodeTransfer(words), &state_);
      case Operation::kConvolve:
        return CheckConvolution(isa::DecodeConvolution(words), hardware_, &state_);
      case Operation::kPool:
        return CheckPool(isa::DecodePool(words), hardware_, &state_);
      case Operation::kAdd:
        return CheckAddition(isa::DecodeAddition(words), hardware_, &state_);
      case Operation::kMultiply:
        return CheckMultiplication(isa::DecodeMultiplication(words), hardware_, &state_);
      case Operation::kFinish:
        break;
    }
    return kAccepted;
  }

  Reason CheckEnd() const {
    if (!tokens_.Empty()) return "a token queue is not empty at the end";
    return state_.output.Full() ? kAccepted : "a part of the output is never stored";
  }

  const Hardware& hardware_;
  TransferRules transfers_;
  MemoryState state_;
  TokenCounts tokens_;
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
