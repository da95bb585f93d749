#include "native/devices/simulator/schedule.hpp"

#include <algorithm>

namespace sluice::simulator {
namespace {

constexpr const char* kUnitNames[] = {"LOAD", "EXECUTE", "STORE"};
constexpr std::size_t kUnits = 3;
// A unit is chosen up to 2^kEagernessMax times as often as another one that is ready.
constexpr std::uint64_t kEagernessMax = 6;

}  // namespace

std::uint64_t Random::Next() {
  state_ += 0x9E3779B97F4A7C15ull;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ull;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBull;
  return mixed ^ (mixed >> 31);
}

UnitQueues DealOut(const std::vector<isa::InstructionWords>& instructions) {
  UnitQueues queues;
  queues.headers.reserve(instructions.size());
  queues.unknown = static_cast<std::uint32_t>(instructions.size());
  for (std::uint32_t i = 0; i < instructions.size(); ++i) {
    queues.headers.push_back(isa::DecodeHeader(instructions[i]));
    isa::Unit unit;
    if (isa::UnitOf(queues.headers.back().operation, unit)) {
      queues.of_unit[static_cast<std::size_t>(unit)].push_back(i);
    } else {
      queues.unknown = std::min(queues.unknown, i);
    }
  }
  return queues;
}

Schedule::Schedule(const UnitQueues& queues, Random& random) : queues_(queues), random_(random) {
  for (std::uint64_t& weight : weights_) {
    weight = std::uint64_t{1} << random_.Next() % (kEagernessMax + 1);
  }
}

const isa::Header& Schedule::HeadOf(std::size_t unit) const {
  return queues_.headers[queues_.of_unit[unit][at_[unit]]];
}

bool Schedule::IsFinish(std::size_t unit) const {
  return HeadOf(unit).operation == static_cast<std::uint32_t>(isa::Operation::kFinish);
}

const char* Schedule::WaitsFor(std::size_t unit) {
  const isa::Header& head = HeadOf(unit);
  const bool previous = head.pop_previous != 0 || head.push_previous != 0;
  const bool next = head.pop_next != 0 || head.push_next != 0;
  if (previous && unit == 0) return "a previous unit, which it has not";
  if (next && unit + 1 == kUnits) return "a next unit, which it has not";
  if (head.pop_previous != 0 && Tokens(unit - 1, unit) == 0) return "a token of the previous unit";
  if (head.pop_next != 0 && Tokens(unit + 1, unit) == 0) return "a token of the next unit";
  if (head.push_previous != 0 && Tokens(unit, unit - 1) == isa::kTokenQueueDepth) {
    return "room for a token to the previous unit";
  }
  if (head.push_next != 0 && Tokens(unit, unit + 1) == isa::kTokenQueueDepth) {
    return "room for a token to the next unit";
  }
  if (IsFinish(unit) && !(IsAtEnd(0) && IsAtEnd(1))) return "the other units' last instructions";
  return "";
}

std::size_t Schedule::Choose(const std::array<bool, 3>& ready) {
  std::uint64_t total = 0;
  for (std::size_t unit = 0; unit < kUnits; ++unit) total += ready[unit] ? weights_[unit] : 0;
  std::uint64_t drawn = random_.Next() % total;
  for (std::size_t unit = 0; unit < kUnits; ++unit) {
    const std::uint64_t weight = ready[unit] ? weights_[unit] : 0;
    if (drawn < weight) return unit;
    drawn -= weight;
  }
  return kUnits - 1;
}

Schedule::Outcome Schedule::Fault(std::string reason) {
  reason_ = std::move(reason);
  return Outcome::kFault;
}

Schedule::Outcome Schedule::NobodyReady() {
  std::string waiting;
  for (std::size_t unit = 0; unit < kUnits; ++unit) {
    if (IsAtEnd(unit)) continue;
    waiting += std::string(waiting.empty() ? "" : ", ") + kUnitNames[unit] + " at instruction " +
               std::to_string(queues_.of_unit[unit][at_[unit]]) + " for " + WaitsFor(unit);
  }
  return Fault(waiting.empty() ? "the program has no FINISH" : "every unit waits: " + waiting);
}

Schedule::Outcome Schedule::Finish() {
  if (!IsAtEnd(2)) return Fault("instructions follow FINISH");
  for (const auto& pair : tokens_) {
    if (pair[0] != 0 || pair[1] != 0) return Fault("tokens are left at FINISH");
  }
  return Outcome::kFinished;
}

Schedule::Outcome Schedule::Next(std::uint32_t* instruction) {
  if (finished_) return Finish();
  if (queues_.unknown < queues_.headers.size()) {
    return Fault("instruction " + std::to_string(queues_.unknown) + " has no known operation");
  }
  std::array<bool, 3> ready{};
  for (std::size_t unit = 0; unit < kUnits; ++unit) {
    ready[unit] = !IsAtEnd(unit) && *WaitsFor(unit) == '\0';
  }
  if (std::ranges::none_of(ready, [](bool is) { return is; })) return NobodyReady();
  running_ = Choose(ready);
  const isa::Header& head = HeadOf(running_);
  if (head.pop_previous != 0) --Tokens(running_ - 1, running_);
  if (head.pop_next != 0) --Tokens(running_ + 1, running_);
  *instruction = queues_.of_unit[running_][at_[running_]];
  return Outcome::kInstruction;
}

void Schedule::Done() {
  const isa::Header& head = HeadOf(running_);
  if (head.push_previous != 0) ++Tokens(running_, running_ - 1);
  if (head.push_next != 0) ++Tokens(running_, running_ + 1);
  finished_ = IsFinish(running_);
  ++at_[running_];
}

}  // namespace sluice::simulator
