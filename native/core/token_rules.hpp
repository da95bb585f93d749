// Follows the tokens between the units in program order.
#ifndef SLUICE_NATIVE_CORE_TOKEN_RULES_HPP_
#define SLUICE_NATIVE_CORE_TOKEN_RULES_HPP_

#include <array>
#include <cstddef>
#include <cstdint>

#include "hls/isa/generated/decode.hpp"

namespace sluice {

// The four token queues, as counts. Programs have no branches, so a program whose tokens work out
// in program order deadlocks in no order that the units may take.
class TokenCounts {
 public:
  // Takes what an instruction of `unit` pops; false when a queue is empty or not there.
  bool Pop(isa::Unit unit, const isa::Header& header) {
    return (header.pop_previous == 0 || (HasPrevious(unit) && Take(&forward_[Index(unit) - 1]))) &&
           (header.pop_next == 0 || (HasNext(unit) && Take(&backward_[Index(unit)])));
  }

  // Hands out what it pushes; false when a queue is full or not there.
  bool Push(isa::Unit unit, const isa::Header& header) {
    return (header.push_previous == 0 ||
            (HasPrevious(unit) && Give(&backward_[Index(unit) - 1]))) &&
           (header.push_next == 0 || (HasNext(unit) && Give(&forward_[Index(unit)])));
  }

  bool Empty() const {
    return forward_[0] == 0 && forward_[1] == 0 && backward_[0] == 0 && backward_[1] == 0;
  }

 private:
  static std::size_t Index(isa::Unit unit) { return static_cast<std::size_t>(unit); }
  static bool HasPrevious(isa::Unit unit) { return unit != isa::Unit::kLoad; }
  static bool HasNext(isa::Unit unit) { return unit != isa::Unit::kStore; }

  static bool Take(std::uint32_t* count) {
    if (*count == 0) return false;
    --*count;
    return true;
  }

  static bool Give(std::uint32_t* count) {
    if (*count == isa::kTokenQueueDepth) return false;
    ++*count;
    return true;
  }

  // LOAD to EXECUTE, EXECUTE to STORE.
  std::array<std::uint32_t, 2> forward_{};
  // EXECUTE to LOAD, STORE to EXECUTE.
  std::array<std::uint32_t, 2> backward_{};
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_TOKEN_RULES_HPP_
