#include "hls/transfer/top.hpp"

#include "hls/portability.hpp"
#include "hls/transfer/load.hpp"
#include "hls/transfer/store.hpp"

extern "C" {

void sluice_load(const sluice::isa::InstructionWords* instruction, const sluice::TopBeat* weights,
                 const sluice::TopBeat* input, const sluice::TopBeat* arena,
                 sluice::TopScratchpads* memories) {
  HLS_MEMORY_PORT(weights, weight_port, 4096)
  HLS_MEMORY_PORT(input, input_port, 4096)
  HLS_MEMORY_PORT(arena, arena_port, 4096)
  sluice::Load<sluice::TopConfiguration>(sluice::isa::DecodeTransfer(*instruction), weights, input,
                                         arena, *memories);
}

void sluice_store(const sluice::isa::InstructionWords* instruction,
                  const sluice::TopScratchpads* memories, sluice::TopBeat* output,
                  sluice::TopBeat* arena) {
  HLS_MEMORY_PORT(output, output_port, 4096)
  HLS_MEMORY_PORT(arena, arena_port, 4096)
  sluice::Store<sluice::TopConfiguration>(sluice::isa::DecodeTransfer(*instruction), *memories,
                                          output, arena);
}

}  // extern "C"
