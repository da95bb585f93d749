// What the timed simulation finds out about a program.
#ifndef SLUICE_NATIVE_CORE_TIMING_TIMELINE_HPP_
#define SLUICE_NATIVE_CORE_TIMING_TIMELINE_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/isa/generated/instructions.hpp"

namespace sluice::timing {

constexpr std::size_t kUnits = 3;

// What a unit does in a clock. Every clock of a run is one of these for every unit.
enum class Activity : std::uint8_t {
  kBusy,           // The loop runs (EXECUTE), a beat passes (LOAD, STORE).
  kFill,           // EXECUTE's pipeline fills.
  kLatency,        // Off-chip memory has been asked and has not answered.
  kBandwidth,      // The memory serves the other port.
  kDispatch,       // The next instruction has not been fetched.
  kTokenPrevious,  // Waits for a token of the previous unit.
  kTokenNext,      // Waits for a token of the next unit.
  kTokenRoom,      // The token queue that it gives to is full.
  kFinish,         // FINISH waits for the other units.
  kEnded,          // No instruction is left for it.
};
constexpr std::size_t kActivities = 10;
// Names for reports, in the order above.
constexpr const char* kActivityNames[kActivities] = {
    "busy",          "fill",      "latency",   "bandwidth", "dispatch",
    "tokenPrevious", "tokenNext", "tokenRoom", "finish",    "ended"};

// A unit's clocks by what it did; they sum up to Timeline::cycles.
struct UnitTimes {
  std::uint64_t instructions = 0;
  std::array<std::uint64_t, kActivities> cycles{};

  std::uint64_t& operator[](Activity activity) {
    return cycles[static_cast<std::size_t>(activity)];
  }
  std::uint64_t operator[](Activity activity) const {
    return cycles[static_cast<std::size_t>(activity)];
  }
};

// A layer, as the instructions' headers number them.
struct LayerTimes {
  std::uint32_t layer = 0;
  std::uint64_t instructions = 0;
  // Its share of the run: each clock belongs to the layer whose EXECUTE instruction ends next,
  // those after the last EXECUTE instruction to the layer that ends last. All layers' sum up to
  // Timeline::cycles.
  std::uint64_t cycles = 0;
  // Its first instruction's start and its last one's end.
  std::uint64_t first_cycle = 0;
  std::uint64_t end_cycle = 0;
  std::array<std::uint64_t, kUnits> busy_cycles{};
  std::uint64_t multiply_accumulates = 0;
  std::uint64_t bytes_loaded = 0;
  std::uint64_t bytes_stored = 0;
};

// An instruction's time on its unit, from its tokens on.
struct Event {
  std::uint32_t instruction = 0;
  std::uint32_t operation = 0;
  std::uint32_t layer = 0;
  isa::Unit unit = isa::Unit::kLoad;
  std::uint64_t first_cycle = 0;
  std::uint64_t end_cycle = 0;
};

struct Timeline {
  std::uint64_t cycles = 0;
  // Those of the EXECUTE loops, as the hardware counts them.
  std::uint64_t execute_cycles = 0;
  std::uint64_t multiply_accumulates = 0;
  std::uint64_t bytes_loaded = 0;
  std::uint64_t bytes_stored = 0;
  std::array<UnitTimes, kUnits> units;
  // Layers that have instructions, in ascending order.
  std::vector<LayerTimes> layers;
  // In the order in which the instructions end.
  std::vector<Event> events;
};

}  // namespace sluice::timing

#endif  // SLUICE_NATIVE_CORE_TIMING_TIMELINE_HPP_
