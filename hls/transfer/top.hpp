// Tops of the LOAD and STORE units for any HLS compiler.
#ifndef SLUICE_HLS_TRANSFER_TOP_HPP_
#define SLUICE_HLS_TRANSFER_TOP_HPP_

#include "hls/isa/extract.hpp"
#include "hls/top_configuration.hpp"

extern "C" {

// Runs one LOAD, whose addresses the caller has checked.
void sluice_load(const sluice::isa::InstructionWords* instruction, const sluice::TopBeat* weights,
                 const sluice::TopBeat* input, const sluice::TopBeat* arena,
                 sluice::TopScratchpads* memories);

// Runs one STORE, whose addresses the caller has checked.
void sluice_store(const sluice::isa::InstructionWords* instruction,
                  const sluice::TopScratchpads* memories, sluice::TopBeat* output,
                  sluice::TopBeat* arena);

}  // extern "C"

#endif  // SLUICE_HLS_TRANSFER_TOP_HPP_
