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

// The regions' first beats and sizes.
template <class Configuration>
struct Regions {
  const Beat<Configuration>* weights;
  const Beat<Configuration>* input;
  Beat<Configuration>* output;
  Beat<Configuration>* arena;
  RegionSizes sizes;
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
  state.status = NpuStatus{static_cast<std::uint32_t>(Fault::kNone), 0, 0, 0, 0, 0, 0, 0, 0};
}

// Runs an instruction that was admitted.
template <class Configuration>
void RunInstruction(isa::Unit unit, const isa::InstructionWords& words,
                    NpuState<Configuration>& state, const Regions<Configuration>& regions) {
  if (unit == isa::Unit::kExecute) {
    NoService alone;
    const ExecuteCounts counts = Execute<Configuration>(words, state.memories, alone);
    state.status.execute_cycles += counts.clocks;
    state.status.multiply_accumulates += counts.multiply_accumulates;
    return;
  }
  const isa::Transfer fields = isa::DecodeTransfer(words);
  if (unit == isa::Unit::kLoad) {
    MemorySink<Configuration> sink{state.memories};
    Load<Configuration>(fields, regions.weights, regions.input, regions.arena, sink);
    state.status.beats_loaded += isa::TransferBeats<Configuration>(fields);
    return;
  }
  MemorySource<Configuration> source{state.memories, StoreWalk{}};
  Store<Configuration>(fields, source, regions.output, regions.arena);
  state.status.beats_stored += isa::TransferBeats<Configuration>(fields);
}

// Runs one instruction and keeps the status; false when the NPU has stopped, finished or faulted.
template <class Configuration>
bool NpuAdvance(const isa::InstructionWords& words, NpuState<Configuration>& state,
                const Regions<Configuration>& regions) {
  isa::Unit unit = isa::Unit::kLoad;
  const Fault fault = Admit<Configuration>(words, regions.sizes, state.tokens, unit);
  state.status.fault = static_cast<std::uint32_t>(fault);
  if (fault != Fault::kNone) return false;
  const bool finishes =
      isa::DecodeHeader(words).operation == static_cast<std::uint32_t>(isa::Operation::kFinish);
  if (!finishes) RunInstruction<Configuration>(unit, words, state, regions);
  state.status.finished = finishes ? 1 : 0;
  ++state.status.instruction;
  ++state.status.instructions;
  return !finishes;
}

// Runs a program to its FINISH or first fault.
template <class Configuration>
void NpuRun(const isa::InstructionWords* instructions, std::uint32_t count,
            NpuState<Configuration>& state, const Regions<Configuration>& regions) {
  NpuReset<Configuration>(state);
  HLS_LABEL(npu_instructions)
  for (std::uint32_t index = 0; index < count; ++index) {
    if (!NpuAdvance<Configuration>(instructions[index], state, regions)) return;
  }
  state.status.fault = static_cast<std::uint32_t>(Fault::kUnfinished);
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_NPU_HPP_
