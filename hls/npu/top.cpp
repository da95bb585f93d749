#include "hls/npu/top.hpp"

#include "hls/npu/npu.hpp"

extern "C" void sluice_npu(const sluice::isa::InstructionWords* instructions,
                           std::uint32_t instruction_count, const sluice::TopBeat* weights,
                           std::uint64_t weights_beats, const sluice::TopBeat* input,
                           std::uint64_t input_beats, sluice::TopBeat* output,
                           std::uint64_t output_beats, sluice::TopBeat* arena,
                           std::uint64_t arena_beats, sluice::NpuStatus* status) {
  HLS_MEMORY_PORT(instructions, instruction_port, 1024)
  HLS_MEMORY_PORT(weights, weight_port, 4096)
  HLS_MEMORY_PORT(input, input_port, 4096)
  HLS_MEMORY_PORT(output, output_port, 4096)
  HLS_MEMORY_PORT(arena, arena_port, 4096)
  HLS_MEMORY_PORT(status, instruction_port, 1)
  HLS_CONTROL_PORT(instruction_count)
  HLS_CONTROL_PORT(weights_beats)
  HLS_CONTROL_PORT(input_beats)
  HLS_CONTROL_PORT(output_beats)
  HLS_CONTROL_PORT(arena_beats)
  HLS_CONTROL_PORT(return )
  static sluice::NpuState<sluice::TopConfiguration> state;
  HLS_PARTITION(state.memories.activation, 1)
  HLS_AGGREGATE(state.memories.activation)
  HLS_PARTITION(state.memories.weight, 1)
  HLS_AGGREGATE(state.memories.weight)
  HLS_PARTITION(state.memories.parameter, 2)
  HLS_PARTITION(state.memories.table, 1)
  const sluice::RegionSizes sizes{weights_beats, input_beats, output_beats, arena_beats};
  sluice::NpuRun<sluice::TopConfiguration>(instructions, instruction_count, state, sizes, weights,
                                           input, output, arena);
  sluice::WriteStatus(state.status, status);
}
