// The timed simulation against timelines worked out by hand, and laws that hold for every program.
#include <atomic>
#include <numeric>
#include <vector>

#include "hls/isa/generated/assemble.hpp"
#include "hls/testing.hpp"
#include "native/core/timing/instruction_cost.hpp"
#include "native/core/timing/simulation.hpp"

namespace {

using sluice::Hardware;
using sluice::Status;
using sluice::StatusCode;
using sluice::testing::Random;
using sluice::timing::Activity;
using sluice::timing::Event;
using sluice::timing::LayerTimes;
using sluice::timing::Timeline;
using sluice::timing::UnitTimes;
namespace isa = sluice::isa;

using Instructions = std::vector<isa::InstructionWords>;

// 8-byte beats at 100 MHz: 800 MB/s is a beat a clock. Fetch costs nothing but the first latency.
Hardware TestHardware(std::uint32_t megabytes_per_second = 1600) {
  return Hardware{"test", {}, 8,   8, 4, 2,  8192, 4096,
                  256,    4,  100, 0, 5, 10, 256,  megabytes_per_second};
}

struct Tokens {
  bool pop_previous = false;
  bool pop_next = false;
  bool push_previous = false;
  bool push_next = false;
};

isa::InstructionWords With(isa::InstructionWords words, const Tokens& tokens,
                           std::uint32_t layer = 0) {
  isa::Place(words, isa::header::kPopPrevious, tokens.pop_previous);
  isa::Place(words, isa::header::kPopNext, tokens.pop_next);
  isa::Place(words, isa::header::kPushPrevious, tokens.push_previous);
  isa::Place(words, isa::header::kPushNext, tokens.push_next);
  isa::Place(words, isa::header::kLayer, layer);
  return words;
}

// One row of `beats`: 10 + beats clocks.
isa::Transfer Row(std::uint32_t beats) {
  isa::Transfer fields{};
  fields.columns = beats;
  fields.rows = fields.blocks = 1;
  return fields;
}

isa::InstructionWords Load(std::uint32_t beats) { return isa::AssembleLoad(Row(beats)); }
isa::InstructionWords Store(std::uint32_t beats) { return isa::AssembleStore(Row(beats)); }

// `rows` tiles of 2 clocks: 5 to fill, 2 * rows, 2 to drain.
isa::InstructionWords Add(std::uint32_t rows) {
  isa::Addition fields{};
  fields.blocks = 1;
  fields.rows = rows;
  fields.columns = 4;
  return isa::AssembleAdd(fields);
}

isa::InstructionWords Finish() { return isa::AssembleFinish(); }

Status Simulate(const Instructions& instructions, const Hardware& hardware, Timeline* timeline) {
  const std::atomic<bool> stop{false};
  return sluice::timing::Simulate(instructions, hardware, stop, timeline);
}

Timeline TimelineOf(const Instructions& instructions, const Hardware& hardware) {
  Timeline timeline;
  SLUICE_CHECK(Simulate(instructions, hardware, &timeline).ok());
  return timeline;
}

const UnitTimes& LoadOf(const Timeline& timeline) { return timeline.units[0]; }
const UnitTimes& ExecuteOf(const Timeline& timeline) { return timeline.units[1]; }
const UnitTimes& StoreOf(const Timeline& timeline) { return timeline.units[2]; }

// LOAD 10 to 120, EXECUTE to 137 = 120 + 5 + 12, STORE to 167 = 137 + 10 + 20.
void CheckChain() {
  const Timeline timeline = TimelineOf({With(Load(100), {.push_next = true}, 3),
                                        With(Add(5), {.pop_previous = true, .push_next = true}, 4),
                                        With(Store(20), {.pop_previous = true}, 4), Finish()},
                                       TestHardware());
  SLUICE_CHECK(timeline.cycles == 167);
  SLUICE_CHECK(timeline.execute_cycles == 12);
  SLUICE_CHECK(timeline.bytes_loaded == 800 && timeline.bytes_stored == 160);
  const UnitTimes& load = LoadOf(timeline);
  SLUICE_CHECK(load[Activity::kDispatch] == 10 && load[Activity::kLatency] == 10);
  SLUICE_CHECK(load[Activity::kBusy] == 100 && load[Activity::kEnded] == 47);
  const UnitTimes& execute = ExecuteOf(timeline);
  SLUICE_CHECK(execute[Activity::kDispatch] == 10 && execute[Activity::kTokenPrevious] == 110);
  SLUICE_CHECK(execute[Activity::kFill] == 5 && execute[Activity::kBusy] == 12);
  const UnitTimes& store = StoreOf(timeline);
  SLUICE_CHECK(store[Activity::kTokenPrevious] == 127 && store[Activity::kLatency] == 10);
  SLUICE_CHECK(store[Activity::kBusy] == 20 && store.instructions == 2);
  // The clocks up to EXECUTE's end and those after it are both layer 4's.
  SLUICE_CHECK(timeline.layers.size() == 2);
  const LayerTimes& first = timeline.layers[0];
  const LayerTimes& second = timeline.layers[1];
  SLUICE_CHECK(first.layer == 3 && first.cycles == 0 && first.busy_cycles[0] == 100);
  SLUICE_CHECK(first.first_cycle == 10 && first.end_cycle == 120 && first.bytes_loaded == 800);
  SLUICE_CHECK(second.layer == 4 && second.cycles == 167 && second.busy_cycles[1] == 12);
  SLUICE_CHECK(second.first_cycle == 120 && second.end_cycle == 167);
  SLUICE_CHECK(second.instructions == 2 && second.bytes_stored == 160);
  const Event& last = timeline.events.back();
  SLUICE_CHECK(timeline.events.size() == 4 && last.instruction == 3 && last.end_cycle == 167);
}

// Two buffers: LOADs end at 120 and 230; EXECUTE runs 120 to 325 and to 530; the third LOAD waits
// for the first buffer until 325 and ends at 435, before EXECUTE needs it; EXECUTE ends at 735.
void CheckDoubleBuffer() {
  const Tokens consume{.pop_previous = true, .push_previous = true};
  const Timeline timeline =
      TimelineOf({With(Load(100), {.push_next = true}), With(Load(100), {.push_next = true}),
                  With(Add(99), consume), With(Load(100), {.pop_next = true, .push_next = true}),
                  With(Add(99), consume), With(Add(99), {.pop_previous = true, .push_next = true}),
                  With(Store(1), {.pop_previous = true}), Finish()},
                 TestHardware());
  SLUICE_CHECK(LoadOf(timeline)[Activity::kTokenNext] == 95);
  SLUICE_CHECK(ExecuteOf(timeline)[Activity::kTokenPrevious] == 110);
  SLUICE_CHECK(ExecuteOf(timeline)[Activity::kBusy] == 600);
  SLUICE_CHECK(timeline.cycles == 735 + 10 + 1);
}

// Two ports and one beat a clock: equal shares, and all of it once the other has ended.
void CheckSharedBandwidth() {
  const Instructions equal{Load(100), Store(100), Finish()};
  const Timeline ample = TimelineOf(equal, TestHardware());
  SLUICE_CHECK(ample.cycles == 120);
  SLUICE_CHECK(LoadOf(ample)[Activity::kBandwidth] == 0);
  const Timeline shared = TimelineOf(equal, TestHardware(800));
  SLUICE_CHECK(shared.cycles == 220);
  SLUICE_CHECK(LoadOf(shared)[Activity::kBandwidth] == 100);
  SLUICE_CHECK(StoreOf(shared)[Activity::kBandwidth] == 100);
  const Timeline unequal = TimelineOf({Load(100), Store(50), Finish()}, TestHardware(800));
  SLUICE_CHECK(StoreOf(unequal)[Activity::kBandwidth] == 50);
  SLUICE_CHECK(LoadOf(unequal)[Activity::kBandwidth] == 50);
  SLUICE_CHECK(unequal.cycles == 170);
  // A port alone is held back as well: 100 beats at a quarter of a beat a clock.
  const Timeline narrow = TimelineOf({Load(100), Finish()}, TestHardware(200));
  SLUICE_CHECK(narrow.cycles == 20 + 400);
}

// Rows of one beat: 16 bursts in flight hide 16 of 17 - 1 clocks of latency at 15, not at 47.
void CheckShortBursts() {
  isa::Transfer gather{};
  gather.columns = 1;
  gather.rows = 100;
  gather.blocks = 1;
  gather.dram_row_pitch = 9;
  Hardware hardware = TestHardware();
  hardware.memory_latency_cycles = 15;
  SLUICE_CHECK(TimelineOf({isa::AssembleLoad(gather), Finish()}, hardware).cycles == 15 + 15 + 100);
  hardware.memory_latency_cycles = 47;
  const Timeline slow = TimelineOf({isa::AssembleLoad(gather), Finish()}, hardware);
  SLUICE_CHECK(slow.cycles == 47 + 47 + 300);
  SLUICE_CHECK(LoadOf(slow)[Activity::kBusy] == 100);
  SLUICE_CHECK(LoadOf(slow)[Activity::kLatency] == 47 + 200);
}

// Fetch hands over an instruction every 50 clocks, from 10 + 50 on; each ADD takes 5 + 2 + 2.
void CheckDispatch() {
  Hardware hardware = TestHardware();
  hardware.dispatch_cycles = 50;
  const Timeline timeline = TimelineOf({Add(1), Add(1), Add(1), Finish()}, hardware);
  SLUICE_CHECK(timeline.cycles == 10 + 4 * 50);
  SLUICE_CHECK(ExecuteOf(timeline)[Activity::kDispatch] == 60 + 41 + 41);
}

// Fetch is held up by EXECUTE's full queue, so STORE starts late although it needs no token. One
// ADD runs and 16 wait; the last of 18 finds room when the first ends at 19, and STORE is next.
void CheckInstructionQueue() {
  Instructions instructions(sluice::timing::kInstructionQueueDepth + 2, Add(1));
  instructions.push_back(Store(1));
  instructions.push_back(Finish());
  const Timeline timeline = TimelineOf(instructions, TestHardware());
  SLUICE_CHECK(StoreOf(timeline)[Activity::kDispatch] == 19);
  SLUICE_CHECK(StoreOf(timeline)[Activity::kFinish] == 10 + 18 * 9 - (19 + 11));
  SLUICE_CHECK(timeline.cycles == 10 + 18 * 9);
}

// LOAD gives 256 tokens that nobody takes while EXECUTE is long; the next waits for room.
void CheckTokenRoom() {
  constexpr std::uint64_t kLongEnd = 10 + 5 + 2 * 1000 + 2;
  Instructions instructions{Add(1000)};
  for (std::uint32_t count = 0; count < isa::kTokenQueueDepth; ++count) {
    instructions.push_back(With(Load(1), {.push_next = true}));
  }
  instructions.push_back(With(Add(1), {.pop_previous = true}));
  instructions.push_back(With(Load(1), {.push_next = true}));
  for (std::uint32_t count = 0; count < isa::kTokenQueueDepth; ++count) {
    instructions.push_back(With(Add(1), {.pop_previous = true}));
  }
  instructions.push_back(Finish());
  Hardware hardware = TestHardware();
  hardware.memory_latency_cycles = 1;
  const Timeline timeline = TimelineOf(instructions, hardware);
  // 257 LOADs of 2 clocks from clock 1 on; EXECUTE's first began at 1 as well.
  SLUICE_CHECK(LoadOf(timeline)[Activity::kTokenRoom] == kLongEnd - 9 - (1 + 257 * 2));
}

void CheckRefused(const Instructions& instructions, StatusCode code = StatusCode::kProgramInvalid) {
  Timeline timeline;
  SLUICE_CHECK(Simulate(instructions, TestHardware(), &timeline).code == code);
}

void CheckRefusals() {
  CheckRefused({});
  CheckRefused({Add(1)});
  CheckRefused({Finish(), Finish()});
  CheckRefused({With(Add(1), {.pop_previous = true}), Finish()});
  CheckRefused({With(Load(1), {.pop_previous = true}), Finish()});
  CheckRefused({With(Store(1), {.push_next = true}), Finish()});
  CheckRefused(Instructions(isa::kInstructionsMax + 1, Finish()));
  const std::atomic<bool> stop{true};
  Timeline timeline;
  const Instructions valid{Add(1), Finish()};
  SLUICE_CHECK(sluice::timing::Simulate(valid, TestHardware(), stop, &timeline).code ==
               StatusCode::kCancelled);
}

// A right program: followed in order, no pop finds an empty queue.
Instructions RandomInstructions(Random& random) {
  Instructions instructions;
  std::uint32_t forward[2] = {};
  std::uint32_t backward[2] = {};
  const auto toss = [&random](bool possible) { return possible && random.Between(0, 1) == 1; };
  const auto take = [&toss](std::uint32_t& queue) { return toss(queue > 0) && queue-- > 0; };
  const auto give = [&toss](std::uint32_t& queue) { return toss(queue < 256) && ++queue > 0; };
  for (std::int64_t count = random.Between(1, 200); count > 0; --count) {
    const std::uint32_t size = static_cast<std::uint32_t>(random.Between(1, 300));
    const std::uint32_t layer = static_cast<std::uint32_t>(count / 10);
    Tokens tokens;
    const std::int64_t unit = random.Between(0, 2);
    if (unit > 0) tokens.pop_previous = take(forward[unit - 1]);
    if (unit < 2) tokens.pop_next = take(backward[unit]);
    if (unit > 0) tokens.push_previous = give(backward[unit - 1]);
    if (unit < 2) tokens.push_next = give(forward[unit]);
    const isa::InstructionWords words = unit == 0   ? Load(size)
                                        : unit == 1 ? Add(size)
                                                    : Store(size);
    instructions.push_back(With(words, tokens, layer));
  }
  instructions.push_back(Finish());
  return instructions;
}

bool SameTimes(const Timeline& one, const Timeline& other) {
  bool same = one.cycles == other.cycles && one.events.size() == other.events.size();
  for (std::size_t unit = 0; unit < sluice::timing::kUnits; ++unit) {
    same = same && one.units[unit].cycles == other.units[unit].cycles;
  }
  return same;
}

// Every clock of every unit and of the run is accounted for once; a unit does one thing at a time,
// in program order.
void CheckLaws(const Instructions& instructions, const Timeline& timeline) {
  std::uint64_t layers = 0;
  for (const LayerTimes& layer : timeline.layers) layers += layer.cycles;
  SLUICE_CHECK(layers == timeline.cycles);
  std::uint64_t unit_end[sluice::timing::kUnits] = {};
  std::uint32_t unit_next[sluice::timing::kUnits] = {};
  bool in_turn = true;
  for (const Event& event : timeline.events) {
    const std::size_t unit = static_cast<std::size_t>(event.unit);
    in_turn = in_turn && event.first_cycle >= unit_end[unit] &&
              event.instruction >= unit_next[unit] && event.end_cycle >= event.first_cycle;
    unit_end[unit] = event.end_cycle;
    unit_next[unit] = event.instruction + 1;
  }
  SLUICE_CHECK(in_turn && timeline.events.size() == instructions.size());
  for (const UnitTimes& unit : timeline.units) {
    SLUICE_CHECK(std::accumulate(unit.cycles.begin(), unit.cycles.end(), std::uint64_t{0}) ==
                 timeline.cycles);
  }
  SLUICE_CHECK(ExecuteOf(timeline)[Activity::kBusy] == timeline.execute_cycles);
  SLUICE_CHECK(LoadOf(timeline)[Activity::kBusy] * 8 == timeline.bytes_loaded);
  SLUICE_CHECK(StoreOf(timeline)[Activity::kBusy] * 8 == timeline.bytes_stored);
}

void CheckRandomPrograms() {
  Random random(20261124);
  for (int round = 0; round < 300; ++round) {
    const Instructions instructions = RandomInstructions(random);
    Hardware hardware =
        TestHardware(static_cast<std::uint32_t>(random.Between(1, 4) * random.Between(1, 500)));
    hardware.dispatch_cycles = static_cast<std::uint32_t>(random.Between(0, 40));
    hardware.memory_latency_cycles = static_cast<std::uint32_t>(random.Between(0, 200));
    const Timeline timeline = TimelineOf(instructions, hardware);
    CheckLaws(instructions, timeline);
    SLUICE_CHECK(SameTimes(timeline, TimelineOf(instructions, hardware)));
    hardware.memory_megabytes_per_second *= 4;
    SLUICE_CHECK(TimelineOf(instructions, hardware).cycles <= timeline.cycles);
  }
}

}  // namespace

int main() {
  CheckChain();
  CheckDoubleBuffer();
  CheckSharedBandwidth();
  CheckShortBursts();
  CheckDispatch();
  CheckInstructionQueue();
  CheckTokenRoom();
  CheckRefusals();
  CheckRandomPrograms();
  return sluice::testing::Finish();
}
