// Whether an instruction may run, decided before it does, in program order.
#ifndef SLUICE_HLS_NPU_ADMIT_HPP_
#define SLUICE_HLS_NPU_ADMIT_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "hls/npu/checks.hpp"
#include "hls/npu/status.hpp"
#include "hls/npu/tokens.hpp"
#include "hls/portability.hpp"

namespace sluice {

// Whether an instruction's addresses hold.
template <class Configuration>
bool InstructionFits(isa::Operation operation, const isa::InstructionWords& words,
                     const RegionSizes& sizes) {
  switch (operation) {
    case isa::Operation::kLoad:
      return LoadFits<Configuration>(isa::DecodeTransfer(words), sizes);
    case isa::Operation::kStore:
      return StoreFits<Configuration>(isa::DecodeTransfer(words), sizes);
    case isa::Operation::kConvolve:
      return ExecuteFits<Configuration>(isa::DecodeConvolution(words));
    case isa::Operation::kPool:
      return ExecuteFits<Configuration>(isa::DecodePool(words));
    case isa::Operation::kAdd:
      return ExecuteFits<Configuration>(isa::DecodeAddition(words));
    case isa::Operation::kMultiply:
      return ExecuteFits<Configuration>(isa::DecodeMultiplication(words));
    case isa::Operation::kFinish:
      return true;
  }
  return false;
}

// Names the unit of the next instruction in program order and moves its tokens, or says why it may
// not run. After FINISH all queues must be empty.
template <class Configuration>
Fault Admit(const isa::InstructionWords& words, const RegionSizes& sizes, TokenQueues& tokens,
            isa::Unit& unit) {
  const isa::Header header = isa::DecodeHeader(words);
  if (!isa::UnitOf(header.operation, unit)) return Fault::kOperation;
  const isa::Operation operation = static_cast<isa::Operation>(header.operation);
  if (!PopTokens(unit, header, tokens)) return Fault::kToken;
  if (!InstructionFits<Configuration>(operation, words, sizes)) return Fault::kAddress;
  if (!PushTokens(unit, header, tokens)) return Fault::kToken;
  const bool finishes = operation == isa::Operation::kFinish;
  return finishes && !TokensEmpty(tokens) ? Fault::kToken : Fault::kNone;
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_ADMIT_HPP_
