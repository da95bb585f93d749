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

// A source that is the memories themselves.
template <class Configuration>
struct MemorySource {
  const Scratchpads<Configuration>& memories;
  StoreWalk walk;

  void Begin(const StoreRequest& request) {
    HLS_INLINE
    walk = BeginStoreWalk(request);
  }

  Beat<Configuration> Take() {
    HLS_INLINE
    const Beat<Configuration> beat = memories.activation[walk.bank][walk.line];
    NextStoreWord<Configuration>(walk);
    return beat;
  }
};

// One row: `count` neighbouring beats. A region's loop is a function of its own, so that no
// compiler joins the two to one loop with a chosen pointer, and each can become a burst.
template <class Configuration, isa::Region Target, class Source>
void StoreRow(Source& source, std::uint32_t count, Beat<Configuration>* target) {
  HLS_LABEL(store_beats)
  for (std::uint32_t beat = 0; beat < count; ++beat) {
    HLS_PIPELINE(1)
    target[beat] = source.Take();
  }
}

// One STORE. Addresses are the caller's to check.
template <class Configuration, class Source>
void Store(const isa::Transfer& fields, Source& source, Beat<Configuration>* output,
           Beat<Configuration>* arena) {
  const bool to_output = fields.region == static_cast<std::uint32_t>(isa::Region::kOutput);
  source.Begin(StoreRequestOf(fields));
  std::uint64_t block_offset = fields.dram_offset;
  HLS_LABEL(store_blocks)
  for (std::uint32_t block = 0; block < fields.blocks; ++block) {
    std::uint64_t offset = block_offset;
    HLS_LABEL(store_rows)
    for (std::uint32_t row = 0; row < fields.rows; ++row) {
      if (to_output) {
        StoreRow<Configuration, isa::Region::kOutput>(source, fields.columns, output + offset);
      } else {
        StoreRow<Configuration, isa::Region::kArena>(source, fields.columns, arena + offset);
      }
      offset += fields.dram_row_pitch;
    }
    block_offset += fields.dram_block_pitch;
  }
}

}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_STORE_HPP_
