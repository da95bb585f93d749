// What the NPU writes when it stops.
#ifndef SLUICE_HLS_NPU_STATUS_HPP_
#define SLUICE_HLS_NPU_STATUS_HPP_

#include <cstdint>

#include "hls/portability.hpp"

namespace sluice {

// Why the NPU stopped.
enum class Fault : std::uint32_t {
  kNone = 0,
  kOperation = 1,   // no such operation
  kToken = 2,       // a token queue was empty, full, or not empty at the end
  kAddress = 3,     // outside a memory or region, or a size of 0
  kUnfinished = 4,  // the instructions ended without FINISH
};

// `instruction` is the index of the one that failed; the counters are those of
// hls/isa/README.md. One record in memory, without gaps.
struct NpuStatus {
  std::uint32_t fault;
  std::uint32_t instruction;
  std::uint32_t finished;
  std::uint32_t reserved;
  std::uint64_t instructions;
  std::uint64_t execute_cycles;
  std::uint64_t multiply_accumulates;
  std::uint64_t beats_loaded;
  std::uint64_t beats_stored;
};
static_assert(sizeof(NpuStatus) == 4 * 4 + 5 * 8, "the host reads the record as it stands");

// Number by number: a copy of the record would be one of a block of bytes.
inline void WriteStatus(const NpuStatus& from, NpuStatus* to) {
  HLS_INLINE
  to->fault = from.fault;
  to->instruction = from.instruction;
  to->finished = from.finished;
  to->reserved = from.reserved;
  to->instructions = from.instructions;
  to->execute_cycles = from.execute_cycles;
  to->multiply_accumulates = from.multiply_accumulates;
  to->beats_loaded = from.beats_loaded;
  to->beats_stored = from.beats_stored;
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_STATUS_HPP_
