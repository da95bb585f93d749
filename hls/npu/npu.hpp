// The NPU: fetches instructions in order and dispatches them to the units.
#ifndef SLUICE_HLS_NPU_NPU_HPP_
#define SLUICE_HLS_NPU_NPU_HPP_

#include <cstdint>

#include "hls/gemm/gemm.hpp"
#include "hls/isa/instruction.hpp"
#include "hls/memories.hpp"
#include "hls/npu/checks.hpp"
#include "hls/npu/tokens.hpp"
#include "hls/portability.hpp"
#include "hls/transfer/transfer.hpp"

namespace sluice {

// Why the NPU stopped.
enum class Fault : std::uint32_t {
  kNone = 0,
  kOperation = 1,   // no such operation, or not in that unit
  kToken = 2,       // a token queue was empty, full, or not empty at the end
  kAddress = 3,     // outside a memory or region
  kUnfinished = 4,  // the instructions ended without FINISH
};

// What the NPU writes when it stops. `instruction` is the index of the one that failed.
struct NpuStatus {
  std::uint32_t fault;
  std::uint32_t instruction;
  std::uint32_t finished;
  std::uint64_t instructions;
  std::uint64_t multiply_accumulates;
  std::uint64_t beats_loaded;
  std::uint64_t beats_stored;
};

// Everything that lasts from one instruction to the next.
template <class Configuration>
struct NpuState {
  Scratchpads<Configuration> memories;
  TokenQueues tokens;
  NpuStatus status;
};

// Readies the NPU for a program. The memories keep what they hold.
template <class Configuration>
void NpuReset(NpuState<Configuration>& state) {
  state.tokens = TokenQueues{0, 0, 0, 0};
  state.status = NpuStatus{static_cast<std::uint32_t>(Fault::kNone), 0, 0, 0, 0, 0, 0};
}

// The unit that runs an operation; false when there is no such operation.
inline bool UnitOf(std::uint32_t operation, isa::Unit& unit) {
  HLS_INLINE
  switch (static_cast<isa::Operation>(operation)) {
    case isa::Operation::kLoad:
      unit = isa::Unit::kLoad;
      return true;
    case isa::Operation::kGemm:
      unit = isa::Unit::kExecute;
      return true;
    case isa::Operation::kStore:
    case isa::Operation::kFinish:
      unit = isa::Unit::kStore;
      return true;
  }
  return false;
}

template <class Configuration>
Fault RunTransfer(const isa::Transfer& transfer, isa::Operation operation,
                  NpuState<Configuration>& state, const Beat* weights, const Beat* input,
                  Beat* output, Beat* arena, const RegionSizes& sizes) {
  if (!TransferFits<Configuration>(transfer, sizes)) return Fault::kAddress;
  const bool to_output = transfer.region == static_cast<std::uint32_t>(isa::Region::kOutput);
  const bool to_arena = transfer.region == static_cast<std::uint32_t>(isa::Region::kArena);
  const std::uint64_t beats = std::uint64_t{transfer.rows} * transfer.row_beats;
  if (operation == isa::Operation::kLoad) {
    if (to_output) return Fault::kAddress;
    Load<Configuration>(transfer, weights, input, arena, state.memories);
    state.status.beats_loaded += beats;
    return Fault::kNone;
  }
  const bool activations = transfer.memory == static_cast<std::uint32_t>(isa::Memory::kActivation);
  if (!activations || (!to_output && !to_arena)) return Fault::kAddress;
  Store<Configuration>(transfer, state.memories, output, arena);
  state.status.beats_stored += beats;
  return Fault::kNone;
}

template <class Configuration>
Fault RunGemm(const isa::Gemm& gemm, NpuState<Configuration>& state) {
  if (!GemmFits<Configuration>(gemm)) return Fault::kAddress;
  Gemm<Configuration>(gemm, state.memories);
  state.status.multiply_accumulates += std::uint64_t{gemm.rows} * gemm.input_blocks *
                                       gemm.output_blocks * Configuration::kBlock *
                                       Configuration::kBlock;
  return Fault::kNone;
}

// Runs one instruction between its tokens.
template <class Configuration>
Fault NpuStep(const isa::InstructionWords& words, NpuState<Configuration>& state,
              const Beat* weights, const Beat* input, Beat* output, Beat* arena,
              const RegionSizes& sizes) {
  const isa::Header header = isa::DecodeHeader(words);
  isa::Unit unit = isa::Unit::kLoad;
  if (!UnitOf(header.operation, unit) || static_cast<std::uint32_t>(unit) != header.unit) {
    return Fault::kOperation;
  }
  if (!PopTokens(header, state.tokens)) return Fault::kToken;
  const isa::Operation operation = static_cast<isa::Operation>(header.operation);
  Fault fault = Fault::kNone;
  if (operation == isa::Operation::kGemm) {
    fault = RunGemm<Configuration>(isa::DecodeGemm(words), state);
  } else if (operation == isa::Operation::kFinish) {
    state.status.finished = 1;
  } else {
    fault = RunTransfer<Configuration>(isa::DecodeTransfer(words), operation, state, weights, input,
                                       output, arena, sizes);
  }
  if (fault != Fault::kNone) return fault;
  if (!PushTokens(header, state.tokens)) return Fault::kToken;
  const bool finished = state.status.finished != 0;
  return finished && !TokensEmpty(state.tokens) ? Fault::kToken : Fault::kNone;
}

// Runs one instruction and keeps the status; false when the NPU has stopped, finished or faulted.
template <class Configuration>
bool NpuAdvance(const isa::InstructionWords& words, NpuState<Configuration>& state,
                const Beat* weights, const Beat* input, Beat* output, Beat* arena,
                const RegionSizes& sizes) {
  const Fault fault = NpuStep<Configuration>(words, state, weights, input, output, arena, sizes);
  state.status.fault = static_cast<std::uint32_t>(fault);
  if (fault != Fault::kNone) return false;
  ++state.status.instruction;
  ++state.status.instructions;
  return state.status.finished == 0;
}

// Runs a program to its FINISH or first fault.
template <class Configuration>
void NpuRun(const isa::InstructionWords* instructions, std::uint32_t count,
            NpuState<Configuration>& state, const Beat* weights, const Beat* input, Beat* output,
            Beat* arena, const RegionSizes& sizes) {
  NpuReset<Configuration>(state);
  HLS_LABEL(npu_instructions)
  for (std::uint32_t index = 0; index < count; ++index) {
    if (!NpuAdvance<Configuration>(instructions[index], state, weights, input, output, arena,
                                   sizes)) {
      return;
    }
  }
  state.status.fault = static_cast<std::uint32_t>(Fault::kUnfinished);
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_NPU_HPP_
