#include "hls/transfer/top.hpp"

#include "hls/portability.hpp"
#include "hls/transfer/load.hpp"
#include "hls/transfer/store.hpp"

extern "C" {

HLS_MEMORY_PORT_ABOVE(weights, weight_port)
HLS_MEMORY_PORT_ABOVE(input, input_port)
HLS_MEMORY_PORT_ABOVE(arena, arena_port)
void sluice_load(const sluice::isa::InstructionWords* instruction, const sluice::TopBeat* weights,
                 const sluice::TopBeat* input, const sluice::TopBeat* arena,
                 sluice::TopScratchpads* memories) {
  HLS_MEMORY_PORT(weights, weight_port, 4096)
  HLS_MEMORY_PORT(input, input_port, 4096)
  HLS_MEMORY_PORT(arena, arena_port, 4096)
  sluice::MemorySink<sluice::TopConfiguration> sink{*memories};
  sluice::Load<sluice::TopConfiguration>(sluice::isa::DecodeTransfer(*instruction), weights, input,
                                         arena, sink);
}

HLS_MEMORY_PORT_ABOVE(output, output_port)
HLS_MEMORY_PORT_ABOVE(arena, arena_port)
void sluice_store(const sluice::isa::InstructionWords* instruction,
                  const sluice::TopScratchpads* memories, sluice::TopBeat* output,
                  sluice::TopBeat* arena) {
  HLS_MEMORY_PORT(output, output_port, 4096)
  HLS_MEMORY_PORT(arena, arena_port, 4096)
  sluice::MemorySource<sluice::TopConfiguration> source{*memories, sluice::StoreWalk{}};
  sluice::Store<sluice::TopConfiguration>(sluice::isa::DecodeTransfer(*instruction), source, output,
                                          arena);
}

}  // extern "C"
