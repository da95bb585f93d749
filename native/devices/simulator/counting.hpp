// What an instruction adds to the counters, by the formulas of hls/isa/geometry.hpp.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_COUNTING_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_COUNTING_HPP_

#include "hls/isa/geometry.hpp"
#include "native/core/device.hpp"

namespace sluice::simulator {

template <class Configuration, class Fields>
Counters CountExecute(const Fields& fields) {
  const isa::Walk walk = isa::WalkOf<Configuration>(fields);
  Counters counters;
  counters.execute_cycles = isa::ExecuteClocks<Configuration>(walk);
  counters.multiply_accumulates = walk.tiles * walk.steps * walk.products_a_step;
  return counters;
}

// Of one instruction that bounds.hpp has let pass, itself included.
template <class Configuration>
Counters CountInstruction(const isa::InstructionWords& words, std::uint32_t operation) {
  Counters counters;
  switch (static_cast<isa::Operation>(operation)) {
    case isa::Operation::kLoad:
      counters.bytes_loaded = isa::TransferBeats<Configuration>(isa::DecodeTransfer(words)) *
                              Configuration::kInputParallel;
      break;
    case isa::Operation::kStore:
      counters.bytes_stored = isa::TransferBeats<Configuration>(isa::DecodeTransfer(words)) *
                              Configuration::kInputParallel;
      break;
    case isa::Operation::kConvolve:
      counters = CountExecute<Configuration>(isa::DecodeConvolution(words));
      break;
    case isa::Operation::kPool:
      counters = CountExecute<Configuration>(isa::DecodePool(words));
      break;
    case isa::Operation::kAdd:
      counters = CountExecute<Configuration>(isa::DecodeAddition(words));
      break;
    case isa::Operation::kMultiply:
      counters = CountExecute<Configuration>(isa::DecodeMultiplication(words));
      break;
    case isa::Operation::kFinish:
      break;
  }
  counters.instructions = 1;
  return counters;
}

using CountFunction = Counters (*)(const isa::InstructionWords& words, std::uint32_t operation);

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_COUNTING_HPP_
