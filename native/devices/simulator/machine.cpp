#include "native/devices/simulator/machine.hpp"

#include "native/devices/simulator/bounds.hpp"

namespace sluice::simulator {

Machine::Machine(const Hardware& hardware, const KernelSet& kernels, unsigned threads)
    : hardware_(hardware),
      kernels_(hardware.input_parallel == 16 ? kernels.words_of_16 : kernels.words_of_8),
      memory_(hardware, kernels_),
      fork_join_(threads),
      workers_(threads) {}

const char* Machine::RunTransfer(const isa::InstructionWords& words, bool is_store,
                                 const Regions& regions, const std::atomic<bool>& stop) {
  const isa::Transfer fields = isa::DecodeTransfer(words);
  const char* wrong =
      CheckTransfer(fields, is_store, hardware_, regions.Beats(memory_.word_bytes()));
  if (wrong != nullptr) return wrong;
  (is_store ? RunStore : RunLoad)(fields, regions, kernels_, stop, memory_);
  return nullptr;
}

const char* Machine::RunConvolution(const isa::InstructionWords& words,
                                    const Execution& execution) {
  const isa::Convolution fields = isa::DecodeConvolution(words);
  const char* wrong = CheckConvolution(fields, hardware_);
  if (wrong != nullptr) return wrong;
  (fields.depthwise != 0 ? RunDepthwise : RunDense)(fields, execution);
  return nullptr;
}

const char* Machine::Run(const isa::InstructionWords& words, std::uint32_t operation,
                         const Regions& regions, const std::atomic<bool>& stop) {
  const Execution execution{memory_, kernels_, fork_join_, workers_, bias_, depthwise_, stop};
  const auto run = [&](const auto& fields, const auto& check, const auto& execute) {
    const char* wrong = check(fields, hardware_);
    if (wrong == nullptr) execute(fields, execution);
    return wrong;
  };
  switch (static_cast<isa::Operation>(operation)) {
    case isa::Operation::kLoad:
      return RunTransfer(words, false, regions, stop);
    case isa::Operation::kStore:
      return RunTransfer(words, true, regions, stop);
    case isa::Operation::kConvolve:
      return RunConvolution(words, execution);
    case isa::Operation::kPool:
      return run(isa::DecodePool(words), CheckPool, RunPool);
    case isa::Operation::kAdd:
      return run(isa::DecodeAddition(words), CheckAddition, RunAddition);
    case isa::Operation::kMultiply:
      return run(isa::DecodeMultiplication(words), CheckMultiplication, RunMultiplication);
    case isa::Operation::kFinish:
      return nullptr;
  }
  return "no such operation";
}

}  // namespace sluice::simulator
