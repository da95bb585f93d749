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

// Tokens, 0 or 1, that an instruction takes from or gives to each queue. `reachable` is false when
// it asks for one from a neighbour that its unit doesn't have.
struct TokenMoves {
  bool reachable;
  std::uint32_t load_to_execute;
  std::uint32_t execute_to_load;
  std::uint32_t execute_to_store;
  std::uint32_t store_to_execute;
};

inline TokenMoves Pops(isa::Unit unit, const isa::Header& header) {
  HLS_INLINE
  const bool loads = unit == isa::Unit::kLoad;
  const bool executes = unit == isa::Unit::kExecute;
  const bool stores = unit == isa::Unit::kStore;
  const bool previous = header.pop_previous != 0;
  const bool next = header.pop_next != 0;
  return TokenMoves{!(loads && previous) && !(stores && next), executes && previous ? 1u : 0u,
                    loads && next ? 1u : 0u, stores && previous ? 1u : 0u,
                    executes && next ? 1u : 0u};
}

inline TokenMoves Pushes(isa::Unit unit, const isa::Header& header) {
  HLS_INLINE
  const bool loads = unit == isa::Unit::kLoad;
  const bool executes = unit == isa::Unit::kExecute;
  const bool stores = unit == isa::Unit::kStore;
  const bool previous = header.push_previous != 0;
  const bool next = header.push_next != 0;
  return TokenMoves{!(loads && previous) && !(stores && next), loads && next ? 1u : 0u,
                    executes && previous ? 1u : 0u, executes && next ? 1u : 0u,
                    stores && previous ? 1u : 0u};
}

// Takes an instruction's tokens; false, and none taken, when one is missing or the unit has no such
// neighbour.
inline bool PopTokens(isa::Unit unit, const isa::Header& header, TokenQueues& queues) {
  HLS_INLINE
  const TokenMoves taken = Pops(unit, header);
  const bool there = taken.load_to_execute <= queues.load_to_execute &&
                     taken.execute_to_load <= queues.execute_to_load &&
                     taken.execute_to_store <= queues.execute_to_store &&
                     taken.store_to_execute <= queues.store_to_execute;
  if (!taken.reachable || !there) return false;
  queues.load_to_execute -= taken.load_to_execute;
  queues.execute_to_load -= taken.execute_to_load;
  queues.execute_to_store -= taken.execute_to_store;
  queues.store_to_execute -= taken.store_to_execute;
  return true;
}

// Hands out an instruction's tokens; false, and none given, when a queue is full or the unit has no
// such neighbour.
inline bool PushTokens(isa::Unit unit, const isa::Header& header, TokenQueues& queues) {
  HLS_INLINE
  const TokenMoves given = Pushes(unit, header);
  const bool room = queues.load_to_execute + given.load_to_execute <= isa::kTokenQueueDepth &&
                    queues.execute_to_load + given.execute_to_load <= isa::kTokenQueueDepth &&
                    queues.execute_to_store + given.execute_to_store <= isa::kTokenQueueDepth &&
                    queues.store_to_execute + given.store_to_execute <= isa::kTokenQueueDepth;
  if (!given.reachable || !room) return false;
  queues.load_to_execute += given.load_to_execute;
  queues.execute_to_load += given.execute_to_load;
  queues.execute_to_store += given.execute_to_store;
  queues.store_to_execute += given.store_to_execute;
  return true;
}

// Whether every queue is empty, as it must be when a program ends.
inline bool TokensEmpty(const TokenQueues& queues) {
  HLS_INLINE
  return queues.load_to_execute == 0 && queues.execute_to_load == 0 &&
         queues.execute_to_store == 0 && queues.store_to_execute == 0;
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_TOKENS_HPP_
