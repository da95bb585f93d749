// Sums up what each layer's instructions did.
#ifndef SLUICE_NATIVE_CORE_TIMING_LAYER_LEDGER_HPP_
#define SLUICE_NATIVE_CORE_TIMING_LAYER_LEDGER_HPP_

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "native/core/timing/instruction_cost.hpp"
#include "native/core/timing/timeline.hpp"

namespace sluice::timing {

class LayerLedger {
 public:
  // An instruction has ended; they come in the order of their ends.
  void Add(const Event& event, const InstructionCost& cost, std::uint64_t bytes) {
    const auto [entry, created] = layers_.try_emplace(event.layer);
    LayerTimes& layer = entry->second;
    layer.layer = event.layer;
    layer.first_cycle =
        created ? event.first_cycle : std::min(layer.first_cycle, event.first_cycle);
    layer.end_cycle = event.end_cycle;
    layer.instructions += 1;
    layer.busy_cycles[static_cast<std::size_t>(event.unit)] +=
        event.unit == isa::Unit::kExecute ? cost.clocks : cost.beats;
    layer.multiply_accumulates += cost.multiply_accumulates;
    if (event.unit == isa::Unit::kLoad) layer.bytes_loaded += bytes;
    if (event.unit == isa::Unit::kStore) layer.bytes_stored += bytes;
    if (event.unit == isa::Unit::kExecute) Charge(layer, event.end_cycle);
    last_layer_ = event.layer;
  }

  // The run has ended. FINISH has no say in which layer was the last.
  std::vector<LayerTimes> Close(std::uint64_t cycles) {
    if (!layers_.empty()) Charge(layers_[last_layer_], cycles);
    std::vector<LayerTimes> all;
    for (const auto& [number, layer] : layers_) all.push_back(layer);
    return all;
  }

 private:
  void Charge(LayerTimes& layer, std::uint64_t now) {
    layer.cycles += now - charged_;
    charged_ = now;
  }

  std::map<std::uint32_t, LayerTimes> layers_;
  std::uint32_t last_layer_ = 0;
  std::uint64_t charged_ = 0;
};

}  // namespace sluice::timing

#endif  // SLUICE_NATIVE_CORE_TIMING_LAYER_LEDGER_HPP_
