// The STORE unit: bursts of one beat a clock to a region from whoever owns the memories.
#ifndef SLUICE_HLS_TRANSFER_STORE_HPP_
#define SLUICE_HLS_TRANSFER_STORE_HPP_

#include <cstdint>

#include "hls/isa/generated/decode.hpp"
#include "hls/memories.hpp"
#include "hls/portability.hpp"
#include "hls/transfer/beats.hpp"
#include "hls/transfer/store_walk.hpp"

namespace sluice {

// Takes words from the memories themselves. A Source holds nothing: where the words come from is an
// argument of every function, because no hardware keeps a reference.
struct MemorySource {
  // What it keeps from one word to the next.
  using Walk = StoreWalk;

  template <class Configuration>
  static Beat<Configuration> Take(const Scratchpads<Configuration>& memories, StoreWalk& walk) {
    HLS_INLINE
    Beat<Configuration> beat;
    CopyLanes(memories.activation[walk.bank][walk.line], beat);
    NextStoreWord<Configuration>(walk);
    return beat;
  }
};

// One row: `count` neighbouring beats. A region's loop is a function of its own, so that no
// compiler joins the two to one loop with a chosen pointer, and each can become a burst.
template <class Configuration, class Source, isa::Region Target, class Origin>
void StoreRow(Origin& origin, typename Source::Walk& walk, std::uint32_t count,
              Beat<Configuration>* target) {
  HLS_LABEL(store_beats)
  for (std::uint32_t beat = 0; beat < count; ++beat) {
    HLS_PIPELINE(1)
    CopyLanes(Source::template Take<Configuration>(origin, walk), target[beat]);
  }
}

// One STORE. Addresses are the caller's to check.
template <class Configuration, class Source, class Origin>
void StoreFrom(const isa::Transfer& fields, Origin& origin, typename Source::Walk walk,
               Beat<Configuration>* output, Beat<Configuration>* arena) {
  const bool to_output = fields.region == static_cast<std::uint32_t>(isa::Region::kOutput);
  std::uint64_t block_offset = fields.dram_offset;
  HLS_LABEL(store_blocks)
  for (std::uint32_t block = 0; block < fields.blocks; ++block) {
    std::uint64_t offset = block_offset;
    HLS_LABEL(store_rows)
    for (std::uint32_t row = 0; row < fields.rows; ++row) {
      if (to_output) {
        StoreRow<Configuration, Source, isa::Region::kOutput>(origin, walk, fields.columns,
                                                              output + offset);
      } else {
        StoreRow<Configuration, Source, isa::Region::kArena>(origin, walk, fields.columns,
                                                             arena + offset);
      }
      offset += fields.dram_row_pitch;
    }
    block_offset += fields.dram_block_pitch;
  }
}

// The same from the memories themselves.
template <class Configuration>
void Store(const isa::Transfer& fields, const Scratchpads<Configuration>& memories,
           Beat<Configuration>* output, Beat<Configuration>* arena) {
  HLS_INLINE
  StoreFrom<Configuration, MemorySource>(fields, memories, BeginStoreWalk(StoreRequestOf(fields)),
                                         output, arena);
}

}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_STORE_HPP_
