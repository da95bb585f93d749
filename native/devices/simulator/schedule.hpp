// Which unit goes next: three queues of instructions, four queues of tokens, and a random choice
// among the units that could go (hls/isa/README.md, Model of execution).
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_SCHEDULE_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_SCHEDULE_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hls/isa/generated/decode.hpp"

namespace sluice::simulator {

// Repeatable random numbers (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next();

 private:
  std::uint64_t state_;
};

// The instructions of a program, dealt out to the units.
struct UnitQueues {
  // Indices into the program, by isa::Unit, and the header of each instruction.
  std::array<std::vector<std::uint32_t>, 3> of_unit;
  std::vector<isa::Header> headers;
  // Of the first instruction that no unit knows; the number of instructions when there is none.
  std::uint32_t unknown = 0;
};

UnitQueues DealOut(const std::vector<isa::InstructionWords>& instructions);

// One run of a program.
class Schedule {
 public:
  enum class Outcome { kInstruction, kFinished, kFault };

  // `queues` outlives the schedule.
  Schedule(const UnitQueues& queues, Random& random);

  // Chooses the next instruction and takes its tokens. kFinished: FINISH was the last one. kFault:
  // reason() says what no right program does.
  Outcome Next(std::uint32_t* instruction);

  // Gives the tokens of the instruction that Next chose.
  void Done();

  const std::string& reason() const { return reason_; }

 private:
  // Tokens from one unit to its neighbour; `from` and `to` differ by one.
  std::uint32_t& Tokens(std::size_t from, std::size_t to) {
    return tokens_[(from + to - 1) / 2][to > from];
  }
  bool IsAtEnd(std::size_t unit) const { return at_[unit] == queues_.of_unit[unit].size(); }
  const isa::Header& HeadOf(std::size_t unit) const;
  bool IsFinish(std::size_t unit) const;
  // Why the unit's next instruction can't start; empty when it can.
  const char* WaitsFor(std::size_t unit);
  std::size_t Choose(const std::array<bool, 3>& ready);
  Outcome Fault(std::string reason);
  Outcome NobodyReady();
  Outcome Finish();

  const UnitQueues& queues_;
  Random& random_;
  // How readily each unit is chosen in this run, so that some runs let one unit go far ahead.
  std::array<std::uint64_t, 3> weights_;
  std::array<std::size_t, 3> at_{};
  std::uint32_t tokens_[2][2] = {};
  std::size_t running_ = 0;
  bool finished_ = false;
  std::string reason_;
};

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_SCHEDULE_HPP_
