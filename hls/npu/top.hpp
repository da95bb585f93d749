// The function that becomes the kernel of one hardware configuration.
#ifndef SLUICE_HLS_NPU_TOP_HPP_
#define SLUICE_HLS_NPU_TOP_HPP_

#include "hls/npu/npu.hpp"

// Runs one program on one item. Sizes count beats of 16 bytes; `status` is one record, written
// last.
extern "C" void sluice_npu(const sluice::isa::InstructionWords* instructions,
                           std::uint32_t instruction_count, const sluice::Beat* weights,
                           std::uint64_t weights_beats, const sluice::Beat* input,
                           std::uint64_t input_beats, sluice::Beat* output,
                           std::uint64_t output_beats, sluice::Beat* arena,
                           std::uint64_t arena_beats, sluice::NpuStatus* status);

#endif  // SLUICE_HLS_NPU_TOP_HPP_
