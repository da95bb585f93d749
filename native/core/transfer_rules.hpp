// What LOAD and STORE must hold to; the list stands in hls/isa/README.md.
#ifndef SLUICE_NATIVE_CORE_TRANSFER_RULES_HPP_
#define SLUICE_NATIVE_CORE_TRANSFER_RULES_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "native/core/hardware.hpp"
#include "native/core/memory_state.hpp"
#include "native/core/program.hpp"
#include "native/core/weight_rules.hpp"

namespace sluice {

// Checks the transfers of one program, which must outlive it.
class TransferRules {
 public:
  TransferRules(const Program& program, const Hardware& hardware);

  // The reason to refuse the instruction; otherwise what it writes is marked in `state`.
  Reason CheckLoad(const isa::Transfer& fields, MemoryState* state);
  Reason CheckStore(const isa::Transfer& fields, MemoryState* state) const;

 private:
  Reason LoadActivations(const isa::Transfer& fields, MemoryState* state) const;
  Reason LoadItems(const isa::Transfer& fields, MemoryState* state);
  Reason CheckContents(isa::Memory memory, std::uint64_t first_beat, std::uint64_t beats);
  std::uint64_t RegionBeats(isa::Region region) const;

  const Program& program_;
  const Hardware& hardware_;
  BeatExaminer tiles_;
  BeatExaminer records_;
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_TRANSFER_RULES_HPP_
