// The token queues between the units. They carry no data, so a counter is the whole queue.
#ifndef SLUICE_HLS_NPU_TOKENS_HPP_
#define SLUICE_HLS_NPU_TOKENS_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "hls/portability.hpp"

namespace sluice {

struct TokenQueues {
  std::uint32_t load_to_execute;
  std::uint32_t execute_to_load;
  std::uint32_t execute_to_store;
  std::uint32_t store_to_execute;
};

inline bool PopToken(std::uint32_t wanted, std::uint32_t& queue) {
  HLS_INLINE
  if (wanted == 0) return true;
  if (queue == 0) return false;
  --queue;
  return true;
}

inline bool PushToken(std::uint32_t wanted, std::uint32_t& queue) {
  HLS_INLINE
  if (wanted == 0) return true;
  if (queue == isa::kTokenQueueDepth) return false;
  ++queue;
  return true;
}

// Takes an instruction's tokens; false when one is missing, or the unit has no such neighbour.
inline bool PopTokens(isa::Unit unit, const isa::Header& header, TokenQueues& queues) {
  HLS_INLINE
  switch (unit) {
    case isa::Unit::kLoad:
      return header.pop_previous == 0 && PopToken(header.pop_next, queues.execute_to_load);
    case isa::Unit::kExecute:
      return PopToken(header.pop_previous, queues.load_to_execute) &&
             PopToken(header.pop_next, queues.store_to_execute);
    case isa::Unit::kStore:
      return PopToken(header.pop_previous, queues.execute_to_store) && header.pop_next == 0;
  }
  return false;
}

// Hands out an instruction's tokens; false when a queue is full, or the unit has no such neighbour.
inline bool PushTokens(isa::Unit unit, const isa::Header& header, TokenQueues& queues) {
  HLS_INLINE
  switch (unit) {
    case isa::Unit::kLoad:
      return header.push_previous == 0 && PushToken(header.push_next, queues.load_to_execute);
    case isa::Unit::kExecute:
      return PushToken(header.push_previous, queues.execute_to_load) &&
             PushToken(header.push_next, queues.execute_to_store);
    case isa::Unit::kStore:
      return PushToken(header.push_previous, queues.store_to_execute) && header.push_next == 0;
  }
  return false;
}

// Whether every queue is empty, as it must be when a program ends.
inline bool TokensEmpty(const TokenQueues& queues) {
  HLS_INLINE
  return queues.load_to_execute == 0 && queues.execute_to_load == 0 &&
         queues.execute_to_store == 0 && queues.store_to_execute == 0;
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_TOKENS_HPP_
