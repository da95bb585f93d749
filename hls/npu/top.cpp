#include "hls/npu/top.hpp"

#include "hls/config/generated/configurations.hpp"

#ifndef SLUICE_CONFIGURATION
#error "Define SLUICE_CONFIGURATION as a struct of hls/config/generated, such as Ci."
#endif

extern "C" void sluice_npu(const sluice::isa::InstructionWords* instructions,
                           std::uint32_t instruction_count, const sluice::Beat* weights,
                           std::uint64_t weights_beats, const sluice::Beat* input,
                           std::uint64_t input_beats, sluice::Beat* output,
                           std::uint64_t output_beats, sluice::Beat* arena,
                           std::uint64_t arena_beats, sluice::NpuStatus* status) {
  HLS_MEMORY_PORT(instructions, instruction_port)
  HLS_MEMORY_PORT(weights, weight_port)
  HLS_MEMORY_PORT(input, input_port)
  HLS_MEMORY_PORT(output, output_port)
  HLS_MEMORY_PORT(arena, arena_port)
  HLS_MEMORY_PORT(status, instruction_port)
  HLS_CONTROL_PORT(return )
  using Configuration = sluice::configurations::SLUICE_CONFIGURATION;
  static sluice::NpuState<Configuration> state;
  HLS_AGGREGATE(state.memories.activation)
  HLS_AGGREGATE(state.memories.weight)
  HLS_AGGREGATE(state.memories.parameter)
  // One record for each lane of the requantiser in the same clock.
  HLS_PARTITION_CYCLIC(state.memories.parameter, 16)
  const sluice::RegionSizes sizes{weights_beats, input_beats, output_beats, arena_beats};
  sluice::NpuRun<Configuration>(instructions, instruction_count, state, weights, input, output,
                                arena, sizes);
  *status = state.status;
}
