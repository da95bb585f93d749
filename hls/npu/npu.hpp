// The NPU with its units one after the other: fetches instructions in order and runs each to its
// end. Right under any compiler, with no pragma.
#ifndef SLUICE_HLS_NPU_NPU_HPP_
#define SLUICE_HLS_NPU_NPU_HPP_

#include <cstdint>

#include "hls/execute/execute.hpp"
#include "hls/isa/geometry.hpp"
#include "hls/memories.hpp"
#include "hls/npu/admit.hpp"
#include "hls/npu/checks.hpp"
#include "hls/npu/status.hpp"
#include "hls/npu/tokens.hpp"
#include "hls/portability.hpp"
#include "hls/transfer/load.hpp"
#include "hls/transfer/store.hpp"

namespace sluice {

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
  state.status = NpuStatus{static_cast<std::uint32_t>(Fault::kNone), 0, 0, 0, 0, 0, 0, 0, 0};
}

// Runs an instruction that was admitted. The regions' pointers are arguments all the way down,
// because no hardware keeps a pointer.
template <class Configuration>
void RunInstruction(isa::Unit unit, const isa::InstructionWords& words,
                    NpuState<Configuration>& state, const Beat<Configuration>* weights,
                    const Beat<Configuration>* input, Beat<Configuration>* output,
                    Beat<Configuration>* arena) {
  ExecuteCounts counts{0, 0};
  std::uint64_t loaded = 0;
  std::uint64_t stored = 0;
  if (unit == isa::Unit::kExecute) {
    NoService alone;
    counts = Execute<Configuration>(words, state.memories, alone);
  } else {
    const isa::Transfer fields = isa::DecodeTransfer(words);
    const std::uint64_t beats = isa::TransferBeats<Configuration>(fields);
    if (unit == isa::Unit::kLoad) {
      Load<Configuration>(fields, weights, input, arena, state.memories);
      loaded = beats;
    } else {
      Store<Configuration>(fields, state.memories, output, arena);
      stored = beats;
    }
  }
  state.status.execute_cycles += counts.clocks;
  state.status.multiply_accumulates += counts.multiply_accumulates;
  state.status.beats_loaded += loaded;
  state.status.beats_stored += stored;
}

// Runs one instruction and keeps the status; false when the NPU has stopped, finished or faulted.
template <class Configuration>
bool NpuAdvance(const isa::InstructionWords& words, NpuState<Configuration>& state,
                const RegionSizes& sizes, const Beat<Configuration>* weights,
                const Beat<Configuration>* input, Beat<Configuration>* output,
                Beat<Configuration>* arena) {
  isa::Unit unit = isa::Unit::kLoad;
  const Fault fault = Admit<Configuration>(words, sizes, state.tokens, unit);
  state.status.fault = static_cast<std::uint32_t>(fault);
  if (fault != Fault::kNone) return false;
  const bool finishes =
      isa::DecodeHeader(words).operation == static_cast<std::uint32_t>(isa::Operation::kFinish);
  if (!finishes) {
    RunInstruction<Configuration>(unit, words, state, weights, input, output, arena);
  }
  state.status.finished = finishes ? 1 : 0;
  ++state.status.instruction;
  ++state.status.instructions;
  return !finishes;
}

// Runs a program to its FINISH or first fault.
template <class Configuration>
void NpuRun(const isa::InstructionWords* instructions, std::uint32_t count,
            NpuState<Configuration>& state, const RegionSizes& sizes,
            const Beat<Configuration>* weights, const Beat<Configuration>* input,
            Beat<Configuration>* output, Beat<Configuration>* arena) {
  NpuReset<Configuration>(state);
  HLS_LABEL(npu_instructions)
  for (std::uint32_t index = 0; index < count; ++index) {
    if (!NpuAdvance<Configuration>(instructions[index], state, sizes, weights, input, output,
                                   arena)) {
      return;
    }
  }
  state.status.fault = static_cast<std::uint32_t>(Fault::kUnfinished);
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_NPU_HPP_
