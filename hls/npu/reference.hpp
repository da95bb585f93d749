// A whole program in program order on the naive references, with its counters from the formulas.
#ifndef SLUICE_HLS_NPU_REFERENCE_HPP_
#define SLUICE_HLS_NPU_REFERENCE_HPP_

#include <cstdint>
#include <vector>

#include "hls/execute/reference.hpp"
#include "hls/isa/geometry.hpp"
#include "hls/reference_memories.hpp"
#include "hls/transfer/reference.hpp"

namespace sluice {
namespace reference {

struct Counts {
  std::uint64_t execute_cycles = 0;
  std::uint64_t multiply_accumulates = 0;
  std::uint64_t beats_loaded = 0;
  std::uint64_t beats_stored = 0;
};

// The walk of any EXECUTE instruction.
template <class Configuration>
isa::Walk WalkOfInstruction(const isa::InstructionWords& words) {
  switch (static_cast<isa::Operation>(isa::DecodeHeader(words).operation)) {
    case isa::Operation::kPool:
      return isa::WalkOf<Configuration>(isa::DecodePool(words));
    case isa::Operation::kAdd:
      return isa::WalkOf<Configuration>(isa::DecodeAddition(words));
    case isa::Operation::kMultiply:
      return isa::WalkOf<Configuration>(isa::DecodeMultiplication(words));
    default:
      return isa::WalkOf<Configuration>(isa::DecodeConvolution(words));
  }
}

// Runs up to FINISH; output and arena are written.
template <class Configuration>
Counts RunProgram(const std::vector<isa::InstructionWords>& instructions, Regions& regions) {
  Memories memories = EmptyMemories<Configuration>();
  Counts counts;
  for (const isa::InstructionWords& words : instructions) {
    const isa::Operation operation =
        static_cast<isa::Operation>(isa::DecodeHeader(words).operation);
    if (operation == isa::Operation::kFinish) break;
    const isa::Transfer transfer = isa::DecodeTransfer(words);
    if (operation == isa::Operation::kLoad) {
      Load(memories, transfer, regions);
      counts.beats_loaded += isa::TransferBeats<Configuration>(transfer);
    } else if (operation == isa::Operation::kStore) {
      Store(memories, transfer, regions);
      counts.beats_stored += isa::TransferBeats<Configuration>(transfer);
    } else {
      const isa::Walk walk = WalkOfInstruction<Configuration>(words);
      Execute(memories, words);
      counts.execute_cycles += isa::ExecuteClocks<Configuration>(walk);
      counts.multiply_accumulates += walk.tiles * walk.steps * walk.products_a_step;
    }
  }
  return counts;
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_NPU_REFERENCE_HPP_
