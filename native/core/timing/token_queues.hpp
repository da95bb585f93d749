// Counts of the tokens between neighbouring units, and which of them an instruction takes and
// gives.
#ifndef SLUICE_NATIVE_CORE_TIMING_TOKEN_QUEUES_HPP_
#define SLUICE_NATIVE_CORE_TIMING_TOKEN_QUEUES_HPP_

#include <cstddef>
#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "native/core/timing/timeline.hpp"

namespace sluice::timing {

class TokenQueues {
 public:
  // Whether LOAD's instruction names a previous unit or STORE's a next one.
  static bool NamesNoUnit(std::size_t unit, const isa::Header& header) {
    const bool previous = header.pop_previous != 0 || header.push_previous != 0;
    const bool next = header.pop_next != 0 || header.push_next != 0;
    return (unit == 0 && previous) || (unit + 1 == kUnits && next);
  }

  bool LacksPrevious(std::size_t unit, const isa::Header& header) const {
    return header.pop_previous != 0 && forward_[unit - 1] == 0;
  }
  bool LacksNext(std::size_t unit, const isa::Header& header) const {
    return header.pop_next != 0 && backward_[unit] == 0;
  }

  // Once nothing lacks.
  void Take(std::size_t unit, const isa::Header& header) {
    if (header.pop_previous != 0) --forward_[unit - 1];
    if (header.pop_next != 0) --backward_[unit];
  }

  bool HasRoom(std::size_t unit, const isa::Header& header) const {
    return (header.push_previous == 0 || backward_[unit - 1] < isa::kTokenQueueDepth) &&
           (header.push_next == 0 || forward_[unit] < isa::kTokenQueueDepth);
  }

  // Once there is room.
  void Give(std::size_t unit, const isa::Header& header) {
    if (header.push_previous != 0) ++backward_[unit - 1];
    if (header.push_next != 0) ++forward_[unit];
  }

 private:
  // From unit i to i + 1, and from i + 1 to i.
  std::uint32_t forward_[kUnits - 1] = {};
  std::uint32_t backward_[kUnits - 1] = {};
};

}  // namespace sluice::timing

#endif  // SLUICE_NATIVE_CORE_TIMING_TOKEN_QUEUES_HPP_
