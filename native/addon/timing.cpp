#include "native/addon/timing.hpp"

#include <atomic>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "native/addon/errors.hpp"
#include "native/core/timing/simulation.hpp"

namespace sluice::addon {
namespace {

using timing::Timeline;

// Threads that simulate at once, in all environments of the process.
constexpr int kEstimatesMax = 8;
std::atomic<int> running_estimates{0};

// Counts an estimate for as long as it stands.
class Place {
 public:
  Place() : number_(running_estimates.fetch_add(1)) {}
  ~Place() { running_estimates.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  bool free() const { return number_ < kEstimatesMax; }

 private:
  const int number_;
};

std::uint32_t NumberOf(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (number >= 0 && number <= std::numeric_limits<std::uint32_t>::max()) {
    return static_cast<std::uint32_t>(number);
  }
  throw Napi::TypeError::New(
      object.Env(), std::string("configuration: ") + name + " must be a number from 0 to 2^32 - 1");
}

Hardware HardwareFrom(const Napi::Object& sizes) {
  const Napi::Value parameters = sizes.Get("timing");
  if (!parameters.IsObject()) {
    throw Napi::TypeError::New(sizes.Env(), "configuration: timing must be an object");
  }
  const Napi::Object timing = parameters.As<Napi::Object>();
  // The hash is compared where the program's header is read.
  return Hardware{"",
                  {},
                  NumberOf(sizes, "inputParallel"),
                  NumberOf(sizes, "outputParallel"),
                  NumberOf(sizes, "pixelParallel"),
                  NumberOf(sizes, "vectorParallel"),
                  NumberOf(sizes, "activationLines"),
                  NumberOf(sizes, "weightTiles"),
                  NumberOf(sizes, "parameterBlocks"),
                  NumberOf(sizes, "tableSlots"),
                  NumberOf(sizes, "clockMhz"),
                  NumberOf(timing, "dispatchCycles"),
                  NumberOf(timing, "executeFillCycles"),
                  NumberOf(timing, "memoryLatencyCycles"),
                  NumberOf(timing, "burstBeatsMax"),
                  NumberOf(timing, "memoryMegabytesPerSecond")};
}

std::vector<isa::InstructionWords> InstructionsOf(const Napi::Uint8Array& bytes) {
  const std::size_t size = bytes.ByteLength();
  if (size % isa::kInstructionBytes != 0 ||
      size > std::size_t{isa::kInstructionsMax} * isa::kInstructionBytes) {
    throw Napi::TypeError::New(bytes.Env(), "argument 1 must hold whole instructions of 32 bytes");
  }
  std::vector<isa::InstructionWords> instructions(size / isa::kInstructionBytes);
  const std::uint8_t* next = bytes.Data();
  for (isa::InstructionWords& words : instructions) {
    for (std::uint64_t& word : words.word) {
      word = 0;
      for (unsigned byte = 0; byte < 8; ++byte) word |= std::uint64_t{*next++} << (8 * byte);
    }
  }
  return instructions;
}

// A table of numbers, row after row; every cycle count is below 2^53.
class Table {
 public:
  Table(Napi::Env env, std::size_t rows, std::size_t columns)
      : values_(Napi::Float64Array::New(env, rows * columns)) {}

  void Append(std::uint64_t value) { values_[next_++] = static_cast<double>(value); }
  Napi::Value values() const { return values_; }

 private:
  Napi::Float64Array values_;
  std::size_t next_ = 0;
};

// Columns: instructions, then the activities in their order.
Napi::Value UnitsOf(Napi::Env env, const Timeline& timeline) {
  Table table(env, timing::kUnits, 1 + timing::kActivities);
  for (const timing::UnitTimes& unit : timeline.units) {
    table.Append(unit.instructions);
    for (const std::uint64_t cycles : unit.cycles) table.Append(cycles);
  }
  return table.values();
}

// Columns as `layerColumns` of native/npu-timing.ts names them.
Napi::Value LayersOf(Napi::Env env, const Timeline& timeline) {
  Table table(env, timeline.layers.size(), 11);
  for (const timing::LayerTimes& layer : timeline.layers) {
    table.Append(layer.layer);
    table.Append(layer.instructions);
    table.Append(layer.cycles);
    table.Append(layer.first_cycle);
    table.Append(layer.end_cycle);
    for (const std::uint64_t busy : layer.busy_cycles) table.Append(busy);
    table.Append(layer.multiply_accumulates);
    table.Append(layer.bytes_loaded);
    table.Append(layer.bytes_stored);
  }
  return table.values();
}

// Columns as `eventColumns` of native/npu-timing.ts names them.
Napi::Value EventsOf(Napi::Env env, const Timeline& timeline) {
  Table table(env, timeline.events.size(), 6);
  for (const timing::Event& event : timeline.events) {
    table.Append(event.instruction);
    table.Append(event.operation);
    table.Append(event.layer);
    table.Append(static_cast<std::uint64_t>(event.unit));
    table.Append(event.first_cycle);
    table.Append(event.end_cycle);
  }
  return table.values();
}

Napi::Value ObjectOf(Napi::Env env, const Timeline& timeline) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("cycles", static_cast<double>(timeline.cycles));
  object.Set("executeCycles", static_cast<double>(timeline.execute_cycles));
  object.Set("multiplyAccumulates", static_cast<double>(timeline.multiply_accumulates));
  object.Set("bytesLoaded", static_cast<double>(timeline.bytes_loaded));
  object.Set("bytesStored", static_cast<double>(timeline.bytes_stored));
  object.Set("units", UnitsOf(env, timeline));
  object.Set("layers", LayersOf(env, timeline));
  object.Set("events", EventsOf(env, timeline));
  return object;
}

// One simulation and its thread. It deletes itself when it has answered, or when the environment
// ends.
class EstimateRun {
 public:
  EstimateRun(Napi::Function callback, std::vector<isa::InstructionWords> instructions,
              Hardware hardware, std::unique_ptr<Place> place)
      : env_(callback.Env()),
        callback_(Napi::Persistent(callback)),
        instructions_(std::move(instructions)),
        hardware_(std::move(hardware)),
        place_(std::move(place)) {}

  // kDeviceFault when no thread can be had; nothing follows then.
  Status Start() {
    channel_ = Channel::New(env_, "sluice-npu-estimate", 0, 1, this);
    // Hooks run last in, first out: this one joins the thread while the channel still stands.
    end_hook_ = env_.AddCleanupHook(&EstimateRun::OnEnvironmentEnd, this);
    try {
      thread_ = std::thread([this] { ThreadMain(); });
    } catch (const std::system_error& error) {
      end_hook_.Remove(env_);
      channel_.Abort();
      return Status{StatusCode::kDeviceFault,
                    std::string("NPU estimate: no thread: ") + error.what()};
    }
    return Ok();
  }

 private:
  static void CallJs(Napi::Env env, Napi::Function unused, EstimateRun* run, void* data);
  using Channel = Napi::TypedThreadSafeFunction<EstimateRun, void, &EstimateRun::CallJs>;
  using EndHook = Napi::Env::CleanupHook<void (*)(EstimateRun*), EstimateRun>;

  static void OnEnvironmentEnd(EstimateRun* run) {
    const std::unique_ptr<EstimateRun> owned(run);
    owned->stop_ = true;
    owned->thread_.join();
    owned->channel_.Abort();
  }

  void ThreadMain() {
    try {
      status_ = timing::Simulate(instructions_, hardware_, stop_, &timeline_);
    } catch (const std::bad_alloc&) {
      status_ = Status{StatusCode::kDeviceFault, "NPU estimate: no memory"};
    }
    // A channel that is closing takes nothing; then the environment's end deletes this.
    static_cast<void>(channel_.NonBlockingCall());
  }

  // On the environment's thread. What it does may end the environment, so it lets go first.
  void Answer() {
    thread_.join();
    end_hook_.Remove(env_);
    channel_.Abort();
    place_.reset();
    if (status_.ok()) {
      callback_.Call({env_.Null(), ObjectOf(env_, timeline_)});
    } else {
      callback_.Call({MakeError(env_, status_)});
    }
  }

  Napi::Env env_;
  const Napi::FunctionReference callback_;
  const std::vector<isa::InstructionWords> instructions_;
  const Hardware hardware_;
  std::unique_ptr<Place> place_;
  Channel channel_;
  EndHook end_hook_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  Status status_;
  Timeline timeline_;
};

void EstimateRun::CallJs(Napi::Env env, Napi::Function, EstimateRun* run, void*) {
  // Without an environment the run may be gone already.
  if (static_cast<napi_env>(env) == nullptr) return;
  const std::unique_ptr<EstimateRun> owned(run);
  owned->Answer();
}

bool IsBytes(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

}  // namespace

void Estimate(const Napi::CallbackInfo& info) {
  if (info.Length() < 3 || !IsBytes(info[0]) || !info[1].IsObject() || !info[2].IsFunction()) {
    throw Napi::TypeError::New(info.Env(),
                               "arguments must be a Uint8Array, an object and a function");
  }
  auto place = std::make_unique<Place>();
  if (!place->free()) {
    ThrowUnlessOk(info.Env(),
                  Status{StatusCode::kQueueFull,
                         "NPU: " + std::to_string(kEstimatesMax) + " estimates run already"});
  }
  auto run = std::make_unique<EstimateRun>(
      info[2].As<Napi::Function>(), InstructionsOf(info[0].As<Napi::Uint8Array>()),
      HardwareFrom(info[1].As<Napi::Object>()), std::move(place));
  ThrowUnlessOk(info.Env(), run->Start());
  // The answer comes through the event loop and owns the run from here on.
  static_cast<void>(run.release());
}

}  // namespace sluice::addon
