#include "native/core/timing/simulation.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "native/core/timing/instruction_cost.hpp"
#include "native/core/timing/layer_ledger.hpp"
#include "native/core/timing/memory_bus.hpp"
#include "native/core/timing/token_queues.hpp"

namespace sluice::timing {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::size_t kExecute = static_cast<std::size_t>(isa::Unit::kExecute);
constexpr std::size_t kLoad = static_cast<std::size_t>(isa::Unit::kLoad);

std::size_t IndexOf(isa::Unit unit) { return static_cast<std::size_t>(unit); }

bool IsFinish(const InstructionCost& cost) {
  return static_cast<isa::Operation>(cost.header.operation) == isa::Operation::kFinish;
}

// Where a unit stands with its current instruction.
enum class Phase { kIdle, kWaiting, kLeading, kWorking, kGiving };

struct UnitState {
  // Fetched and not begun.
  std::deque<std::uint32_t> waiting;
  // Not ended.
  std::uint64_t left = 0;
  Phase phase = Phase::kIdle;
  std::uint32_t instruction = 0;
  std::uint64_t begun = 0;
  // Of kLeading, and of EXECUTE's kWorking.
  std::uint64_t phase_end = 0;
  Activity activity = Activity::kDispatch;
  // Its clocks before are in the timeline.
  std::uint64_t charged = 0;
};

class Simulation {
 public:
  Simulation(std::vector<InstructionCost> costs, const Hardware& hardware)
      : costs_(std::move(costs)), hardware_(hardware), bus_(hardware) {
    for (const InstructionCost& cost : costs_) ++units_[IndexOf(cost.unit)].left;
    fetch_end_ = std::uint64_t{hardware.memory_latency_cycles} + hardware.dispatch_cycles;
  }

  Status Run(const std::atomic<bool>& stop, Timeline* timeline);

 private:
  // Everything that happens at this clock; each returns whether something did.
  bool Fetch();
  bool Step(std::size_t unit);
  bool Accept(std::size_t unit);
  bool Begin(std::size_t unit);
  bool Work(std::size_t unit);
  bool EndWork(std::size_t unit);
  bool End(std::size_t unit);

  // The clock of the next event; kNever when the units wait for each other.
  std::uint64_t NextEvent() const;
  void Advance(std::uint64_t to);
  // Writes down what the unit did until now; from now on it does `next`.
  void Turn(std::size_t unit, Activity next);
  void ChargeTransfer(std::size_t unit);
  bool OthersHaveEnded(std::size_t unit) const;
  Status Deadlock() const;

  const InstructionCost& CostOfCurrent(std::size_t unit) const {
    return costs_[units_[unit].instruction];
  }
  // LOAD's port of the bus, or STORE's.
  static std::size_t PortOf(std::size_t unit) { return unit == kLoad ? 0 : 1; }

  const std::vector<InstructionCost> costs_;
  const Hardware& hardware_;
  MemoryBus bus_;
  TokenQueues tokens_;
  LayerLedger ledger_;
  std::array<UnitState, kUnits> units_;
  std::uint32_t next_fetch_ = 0;
  std::uint64_t fetch_end_ = 0;
  std::uint64_t now_ = 0;
  Timeline timeline_;
};

Status Simulation::Run(const std::atomic<bool>& stop, Timeline* timeline) {
  const UnitState& last = units_[IndexOf(isa::Unit::kStore)];
  while (true) {
    bool changed = true;
    while (changed) {
      changed = Fetch();
      for (std::size_t unit = 0; unit < kUnits; ++unit) changed = Step(unit) || changed;
    }
    if (last.left == 0) break;
    if (stop) return Status{StatusCode::kCancelled, "NPU estimate: it was stopped"};
    const std::uint64_t next = NextEvent();
    if (next == kNever) return Deadlock();
    Advance(next);
  }
  for (std::size_t unit = 0; unit < kUnits; ++unit) Turn(unit, Activity::kEnded);
  timeline_.cycles = now_;
  timeline_.layers = ledger_.Close(now_);
  *timeline = std::move(timeline_);
  return Ok();
}

bool Simulation::Fetch() {
  if (next_fetch_ == costs_.size() || now_ < fetch_end_) return false;
  UnitState& unit = units_[IndexOf(costs_[next_fetch_].unit)];
  if (unit.waiting.size() == kInstructionQueueDepth) return false;
  unit.waiting.push_back(next_fetch_);
  ++next_fetch_;
  fetch_end_ = now_ + hardware_.dispatch_cycles;
  return true;
}

bool Simulation::Step(std::size_t unit) {
  switch (units_[unit].phase) {
    case Phase::kIdle:
      return Accept(unit);
    case Phase::kWaiting:
      return Begin(unit);
    case Phase::kLeading:
      return Work(unit);
    case Phase::kWorking:
      return EndWork(unit);
    case Phase::kGiving:
      return End(unit);
  }
  return false;
}

bool Simulation::Accept(std::size_t unit) {
  UnitState& state = units_[unit];
  if (state.waiting.empty()) {
    Turn(unit, state.left == 0 ? Activity::kEnded : Activity::kDispatch);
    return false;
  }
  state.instruction = state.waiting.front();
  state.waiting.pop_front();
  state.phase = Phase::kWaiting;
  return true;
}

bool Simulation::Begin(std::size_t unit) {
  UnitState& state = units_[unit];
  const InstructionCost& cost = CostOfCurrent(unit);
  const bool finish = IsFinish(cost);
  if (tokens_.LacksPrevious(unit, cost.header)) {
    Turn(unit, Activity::kTokenPrevious);
    return false;
  }
  if (tokens_.LacksNext(unit, cost.header)) {
    Turn(unit, Activity::kTokenNext);
    return false;
  }
  if (finish && !OthersHaveEnded(unit)) {
    Turn(unit, Activity::kFinish);
    return false;
  }
  tokens_.Take(unit, cost.header);
  state.begun = now_;
  state.phase = finish ? Phase::kGiving : Phase::kLeading;
  const bool execute = unit == kExecute;
  state.phase_end =
      now_ + (execute ? hardware_.execute_fill_cycles : hardware_.memory_latency_cycles);
  Turn(unit, execute ? Activity::kFill : Activity::kLatency);
  return true;
}

bool Simulation::Work(std::size_t unit) {
  UnitState& state = units_[unit];
  if (now_ < state.phase_end) return false;
  state.phase = Phase::kWorking;
  Turn(unit, Activity::kBusy);
  const InstructionCost& cost = CostOfCurrent(unit);
  if (unit == kExecute) {
    state.phase_end = now_ + cost.clocks;
  } else {
    bus_.Start(PortOf(unit), cost);
  }
  return true;
}

bool Simulation::EndWork(std::size_t unit) {
  UnitState& state = units_[unit];
  const bool ended = unit == kExecute ? now_ >= state.phase_end : !bus_.active(PortOf(unit));
  if (!ended) return false;
  if (unit != kExecute) ChargeTransfer(unit);
  Turn(unit, Activity::kTokenRoom);
  state.phase = Phase::kGiving;
  return true;
}

bool Simulation::End(std::size_t unit) {
  UnitState& state = units_[unit];
  const InstructionCost& cost = CostOfCurrent(unit);
  if (!tokens_.HasRoom(unit, cost.header)) return false;
  tokens_.Give(unit, cost.header);
  const Event event{state.instruction, cost.header.operation, cost.header.layer,
                    cost.unit,         state.begun,           now_};
  const std::uint64_t bytes = cost.beats * hardware_.input_parallel;
  if (!IsFinish(cost)) ledger_.Add(event, cost, bytes);
  if (unit == kExecute) timeline_.execute_cycles += cost.clocks;
  timeline_.multiply_accumulates += cost.multiply_accumulates;
  (unit == kLoad ? timeline_.bytes_loaded : timeline_.bytes_stored) += bytes;
  timeline_.events.push_back(event);
  ++timeline_.units[unit].instructions;
  --state.left;
  state.phase = Phase::kIdle;
  return true;
}

std::uint64_t Simulation::NextEvent() const {
  std::uint64_t next = kNever;
  const auto consider = [&](std::uint64_t clock) {
    if (clock > now_) next = std::min(next, clock);
  };
  if (next_fetch_ < costs_.size()) consider(fetch_end_);
  for (std::size_t unit = 0; unit < kUnits; ++unit) {
    const UnitState& state = units_[unit];
    if (state.phase == Phase::kLeading) consider(state.phase_end);
    if (state.phase != Phase::kWorking) continue;
    consider(unit == kExecute ? state.phase_end : now_ + bus_.ClocksLeft(PortOf(unit)));
  }
  return next;
}

void Simulation::Advance(std::uint64_t to) {
  bus_.Advance(to - now_);
  now_ = to;
}

void Simulation::Turn(std::size_t unit, Activity next) {
  UnitState& state = units_[unit];
  timeline_.units[unit][state.activity] += now_ - state.charged;
  state.charged = now_;
  state.activity = next;
}

// The clocks since the transfer's first beat: those it would have taken alone, in part of which its
// beats pass, and those that the memory's bandwidth cost.
void Simulation::ChargeTransfer(std::size_t unit) {
  UnitState& state = units_[unit];
  const InstructionCost& cost = CostOfCurrent(unit);
  const std::uint64_t taken = now_ - state.charged;
  UnitTimes& times = timeline_.units[unit];
  times[Activity::kBusy] += cost.passing_clocks;
  times[Activity::kLatency] += cost.clocks - cost.passing_clocks;
  times[Activity::kBandwidth] += taken - cost.clocks;
  state.charged = now_;
}

bool Simulation::OthersHaveEnded(std::size_t unit) const {
  for (std::size_t other = 0; other < kUnits; ++other) {
    if (other != unit && units_[other].left != 0) return false;
  }
  return true;
}

Status Simulation::Deadlock() const {
  std::string waiting;
  for (const UnitState& state : units_) {
    if (state.phase == Phase::kIdle) continue;
    waiting += (waiting.empty() ? "" : ", ") + std::to_string(state.instruction);
  }
  return ProgramInvalid("instructions " + waiting + " wait for each other");
}

}  // namespace

Status Simulate(std::span<const isa::InstructionWords> instructions, const Hardware& hardware,
                const std::atomic<bool>& stop, Timeline* timeline) {
  Status status = CheckHardware(hardware);
  if (!status.ok()) return status;
  if (instructions.empty() || instructions.size() > isa::kInstructionsMax) {
    return ProgramInvalid(std::to_string(instructions.size()) + " instructions, 1 to " +
                          std::to_string(isa::kInstructionsMax) + " expected");
  }
  std::vector<InstructionCost> costs(instructions.size());
  for (std::size_t index = 0; index < costs.size(); ++index) {
    InstructionCost& cost = costs[index];
    status = CostOf(instructions[index], hardware, &cost);
    const bool last = index + 1 == costs.size();
    if (status.ok() && IsFinish(cost) != last) status = ProgramInvalid("FINISH must be the last");
    if (status.ok() && TokenQueues::NamesNoUnit(IndexOf(cost.unit), cost.header)) {
      status = ProgramInvalid("a token for a unit that is not there");
    }
    if (status.ok()) continue;
    status.reason += " (instruction " + std::to_string(index) + ")";
    return status;
  }
  return Simulation(std::move(costs), hardware).Run(stop, timeline);
}

}  // namespace sluice::timing
