// What the streams between the concurrent units carry, and how deep they are.
#ifndef SLUICE_HLS_NPU_DATAFLOW_ELEMENTS_HPP_
#define SLUICE_HLS_NPU_DATAFLOW_ELEMENTS_HPP_

#include <cstdint>

#include "hls/isa/extract.hpp"
#include "hls/memories.hpp"
#include "hls/npu/status.hpp"
#include "hls/transfer/beats.hpp"
#include "hls/transfer/store_walk.hpp"

namespace sluice {

// Instructions that a unit may be behind.
constexpr std::uint32_t kCommandDepth = 32;
// Beats on their way between a bus and the memories.
constexpr std::uint32_t kBeatDepth = 64;
// A unit has one request or report under way.
constexpr std::uint32_t kSingleDepth = 2;

// From FETCH to a unit: an instruction, or, once, that there are no more. Then the unit takes the
// tokens that a faulty program has left, so that the next run finds its streams empty.
struct Command {
  isa::InstructionWords words;
  bool stops;
  std::uint32_t tokens_left_previous;
  std::uint32_t tokens_left_next;
};

// A token is one; it says nothing.
using Token = std::uint8_t;

enum class LoadedKind : std::uint8_t { kBeat, kToken, kEnd };

// From LOAD to EXECUTE. Tokens travel behind the beats that they vouch for.
template <class Configuration>
struct LoadedElement {
  LoadedKind kind;
  LoadedBeat<Configuration> loaded;
};

// From STORE to EXECUTE: words that it wants, or, once, that it wants no more.
struct StoreCommand {
  StoreRequest request;
  bool ends;
};

// What each unit did.
struct FetchReport {
  Fault fault;
  std::uint32_t instructions;
  bool finished;
};

struct ExecuteReport {
  std::uint64_t clocks;
  std::uint64_t multiply_accumulates;
};

struct TransferReport {
  std::uint64_t beats;
};

// The record of hls/npu/status.hpp from the reports.
inline NpuStatus StatusOf(const FetchReport& fetch, const ExecuteReport& execute,
                          const TransferReport& load, const TransferReport& store) {
  return NpuStatus{static_cast<std::uint32_t>(fetch.fault),
                   fetch.instructions,
                   fetch.finished ? 1u : 0u,
                   0,
                   fetch.instructions,
                   execute.clocks,
                   execute.multiply_accumulates,
                   load.beats,
                   store.beats};
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_DATAFLOW_ELEMENTS_HPP_
