// The worker's queue: order, bounds, cancelling, loading, closing and hanging, with a device that
// waits to be let go.
#include "native/core/device_worker.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/testing.hpp"
#include "native/core/limits.hpp"
#include "native/tests/program_builder.hpp"

namespace {

using sluice::Completion;
using sluice::Counters;
using sluice::DeviceWorker;
using sluice::Hardware;
using sluice::Program;
using sluice::ResidentProgram;
using sluice::SharedBytes;
using sluice::Status;
using sluice::StatusCode;
using sluice::SubmissionId;
using sluice::testing::FileBytes;

// What the device waits for and tells. Shared, since a thread may be left behind with it.
struct Gates {
  std::atomic<bool> run{false};
  std::atomic<bool> load{true};
  std::atomic<bool> ignore_stop{false};
  std::atomic<bool> running{false};
  std::atomic<bool> loading{false};
  std::atomic<bool> closed{false};
  std::atomic<bool> gone{false};
};

void Pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

// Copies its input once the gate is open, or stops when it is told to and does not ignore that.
class GatedDevice final : public sluice::Device {
 public:
  explicit GatedDevice(std::shared_ptr<Gates> gates) : gates_(std::move(gates)) {}
  ~GatedDevice() override { gates_->gone = true; }

  const Hardware& hardware() const override { return hardware_; }

  Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) override {
    gates_->loading = true;
    while (!gates_->load) Pause();
    *resident = std::make_shared<ResidentProgram>(std::move(program));
    return sluice::Ok();
  }

  Status Run(ResidentProgram&, std::span<const std::uint8_t> input, std::span<std::uint8_t> output,
             const std::atomic<bool>& stop, Counters* counters) override {
    gates_->running = true;
    while (!gates_->run) {
      if (stop && !gates_->ignore_stop) return Status{StatusCode::kCancelled, "stopped"};
      Pause();
    }
    output[0] = input[0];
    counters->instructions += 1;
    return sluice::Ok();
  }

  void Close() override { gates_->closed = true; }

 private:
  const std::shared_ptr<Gates> gates_;
  const Hardware hardware_ = sluice::HardwareOf<sluice::configurations::Ci>();
};

// A worker whose answers are collected.
class Bench {
 public:
  explicit Bench(std::chrono::milliseconds grace = sluice::limits::kStopGrace)
      : worker_(std::make_unique<GatedDevice>(gates_), grace) {
    sluice::WorkerEvents events;
    events.completed = [this](Completion completion) {
      const std::lock_guard<std::mutex> lock(mutex_);
      completions_.push_back(std::move(completion));
    };
    events.loaded = [this] { loads_ += 1; };
    events.closed = [this](Status status) {
      closed_status_ = std::move(status);
      closed_ = true;
    };
    SLUICE_CHECK(worker_.Start(std::move(events)).ok());
    const Hardware& hardware = worker_.hardware();
    file_ = sluice::testing::EncodeProgram(sluice::testing::MakeSample(hardware), hardware);
    SLUICE_CHECK(Load() == StatusCode::kOk);
    SLUICE_CHECK(worker_.Load(file_).code == StatusCode::kQueueFull);
    SLUICE_CHECK(WaitForLoad(&resident_) == StatusCode::kOk);
    SLUICE_CHECK(resident_ != nullptr);
    gates_->loading = false;
    input_bytes_ = resident_->program().input_bytes;
  }

  StatusCode Load() { return worker_.Load(file_).code; }

  StatusCode WaitForLoad(std::shared_ptr<ResidentProgram>* resident) {
    while (loads_ == 0) Pause();
    loads_ = 0;
    return worker_.TakeLoaded(resident).code;
  }

  void WaitUntilLoading() const {
    while (!gates_->loading) Pause();
  }

  StatusCode Submit(std::uint8_t first, std::size_t items = 1) {
    return SubmitBytes(first, items * input_bytes_);
  }

  StatusCode SubmitBytes(std::uint8_t first, std::size_t bytes) {
    std::vector<std::uint8_t> inputs(bytes, 0);
    if (bytes > 0) inputs[0] = first;
    return worker_.Submit(resident_, SharedBytes(std::move(inputs)), &last_id_).code;
  }

  // The test program's own time limit bounds both waits.
  void WaitUntilRunning() const {
    while (!gates_->running) Pause();
  }

  void WaitForCompletions(std::size_t count) {
    while (completed() < count) Pause();
  }

  std::size_t completed() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return completions_.size();
  }

  std::vector<Completion> CloseAndTake() {
    worker_.Close();
    worker_.Join();
    return std::move(completions_);
  }

  void Open() { gates_->run = true; }
  void HoldLoads() { gates_->load = false; }
  void OpenLoads() { gates_->load = true; }
  std::shared_ptr<Gates> gates() const { return gates_; }
  std::size_t input_bytes() const { return input_bytes_; }
  // After CloseAndTake.
  StatusCode closed_code() const { return closed_status_.code; }
  FileBytes& file() { return file_; }
  DeviceWorker& worker() { return worker_; }
  SubmissionId last_id() const { return last_id_; }
  bool closed() const { return closed_; }

 private:
  const std::shared_ptr<Gates> gates_ = std::make_shared<Gates>();
  std::atomic<bool> closed_{false};
  Status closed_status_;
  std::atomic<int> loads_{0};
  FileBytes file_;
  std::mutex mutex_;
  std::vector<Completion> completions_;
  std::shared_ptr<ResidentProgram> resident_;
  std::size_t input_bytes_ = 0;
  SubmissionId last_id_ = 0;
  DeviceWorker worker_;
};

void CheckOrder() {
  Bench bench;
  for (std::uint8_t index = 1; index <= 20; ++index) {
    SLUICE_CHECK(bench.Submit(index, index) == StatusCode::kOk);
  }
  bench.Open();
  bench.WaitForCompletions(20);
  const std::vector<Completion> completions = bench.CloseAndTake();
  for (std::size_t index = 0; index < 20; ++index) {
    SLUICE_CHECK(completions[index].status.ok());
    SLUICE_CHECK(completions[index].outputs.at(0) == index + 1);
    SLUICE_CHECK(completions[index].counters.instructions == index + 1);
  }
  SLUICE_CHECK(bench.closed());
}

void CheckRefusals() {
  Bench bench;
  SLUICE_CHECK(bench.SubmitBytes(1, 0) == StatusCode::kTensorData);
  SLUICE_CHECK(bench.SubmitBytes(1, bench.input_bytes() + 1) == StatusCode::kTensorData);
  SLUICE_CHECK(bench.Submit(1, sluice::limits::kSubmissionBytesMax / bench.input_bytes() + 1) ==
               StatusCode::kLimitExceeded);
  for (std::size_t index = 0; index < sluice::limits::kSubmissionsMax; ++index) {
    SLUICE_CHECK(bench.Submit(1) == StatusCode::kOk);
  }
  SLUICE_CHECK(bench.Submit(1) == StatusCode::kQueueFull);
  bench.Open();
  bench.WaitForCompletions(sluice::limits::kSubmissionsMax);
  SLUICE_CHECK(bench.Submit(1) == StatusCode::kOk);
  bench.WaitForCompletions(sluice::limits::kSubmissionsMax + 1);
}

void CheckCancelWaiting() {
  Bench bench;
  SLUICE_CHECK(bench.Submit(1) == StatusCode::kOk);
  SLUICE_CHECK(bench.Submit(2) == StatusCode::kOk);
  const SubmissionId second = bench.last_id();
  SLUICE_CHECK(bench.Submit(3) == StatusCode::kOk);
  bench.worker().Cancel(second);
  bench.worker().Cancel(12345);
  bench.Open();
  bench.WaitForCompletions(2);
  const std::vector<Completion> completions = bench.CloseAndTake();
  SLUICE_CHECK(completions.size() == 2);
  SLUICE_CHECK(completions[0].outputs.at(0) == 1 && completions[1].outputs.at(0) == 3);
}

void CheckCancelRunning() {
  Bench bench;
  SLUICE_CHECK(bench.Submit(1) == StatusCode::kOk);
  bench.WaitUntilRunning();
  bench.worker().Cancel(bench.last_id());
  bench.WaitForCompletions(1);
  bench.Open();
  SLUICE_CHECK(bench.Submit(2) == StatusCode::kOk);
  bench.WaitForCompletions(2);
  const std::vector<Completion> completions = bench.CloseAndTake();
  SLUICE_CHECK(completions[0].status.code == StatusCode::kCancelled);
  SLUICE_CHECK(completions[0].outputs.empty());
  SLUICE_CHECK(completions[1].status.ok());
}

void CheckClose() {
  Bench bench;
  for (std::uint8_t index = 0; index < 5; ++index) {
    SLUICE_CHECK(bench.Submit(index) == StatusCode::kOk);
  }
  const std::vector<Completion> completions = bench.CloseAndTake();
  SLUICE_CHECK(completions.size() == 5);
  for (const Completion& completion : completions) {
    SLUICE_CHECK(completion.status.code == StatusCode::kDeviceClosed);
    SLUICE_CHECK(completion.outputs.empty());
  }
  SLUICE_CHECK(bench.closed() && bench.closed_code() == StatusCode::kOk);
  SLUICE_CHECK(bench.gates()->closed);
  SLUICE_CHECK(bench.Submit(1) == StatusCode::kDeviceClosed);
  SLUICE_CHECK(bench.Load() == StatusCode::kDeviceClosed);
}

void CheckLoadBesideRun() {
  Bench bench;
  bench.HoldLoads();
  SLUICE_CHECK(bench.Load() == StatusCode::kOk);
  bench.WaitUntilLoading();
  bench.Open();
  SLUICE_CHECK(bench.Submit(1) == StatusCode::kOk);
  bench.WaitForCompletions(1);
  SLUICE_CHECK(bench.Load() == StatusCode::kQueueFull);
  bench.OpenLoads();
  std::shared_ptr<ResidentProgram> resident;
  SLUICE_CHECK(bench.WaitForLoad(&resident) == StatusCode::kOk);
  bench.file().back() ^= 1;
  SLUICE_CHECK(bench.Load() == StatusCode::kOk);
  SLUICE_CHECK(bench.WaitForLoad(&resident) == StatusCode::kProgramInvalid);
  SLUICE_CHECK(resident == nullptr);
}

void CheckCloseDuringLoad() {
  Bench bench;
  bench.HoldLoads();
  SLUICE_CHECK(bench.Load() == StatusCode::kOk);
  bench.WaitUntilLoading();
  bench.worker().Close();
  SLUICE_CHECK(!bench.closed());
  bench.OpenLoads();
  bench.CloseAndTake();
  std::shared_ptr<ResidentProgram> resident;
  SLUICE_CHECK(bench.WaitForLoad(&resident) == StatusCode::kDeviceClosed);
  SLUICE_CHECK(resident == nullptr && bench.closed());
}

// A run that goes on after it was told to stop: told, not waited for.
void CheckHungRun() {
  Bench bench(std::chrono::milliseconds(20));
  bench.gates()->ignore_stop = true;
  for (std::uint8_t index = 0; index < 3; ++index) {
    SLUICE_CHECK(bench.Submit(index) == StatusCode::kOk);
  }
  bench.WaitUntilRunning();
  bench.worker().Cancel(1);
  bench.WaitForCompletions(3);
  SLUICE_CHECK(bench.Submit(1) == StatusCode::kDeviceFault);
  SLUICE_CHECK(bench.Load() == StatusCode::kDeviceFault);
  const std::vector<Completion> completions = bench.CloseAndTake();
  SLUICE_CHECK(completions.size() == 3);
  for (const Completion& completion : completions) {
    SLUICE_CHECK(completion.status.code == StatusCode::kDeviceFault);
  }
  SLUICE_CHECK(bench.closed_code() == StatusCode::kDeviceFault);
  SLUICE_CHECK(!bench.gates()->closed);
}

// The thread that is left behind ends with its device when it comes back, and says nothing.
void CheckHungClose() {
  std::shared_ptr<Gates> gates;
  {
    Bench bench(std::chrono::milliseconds(20));
    gates = bench.gates();
    gates->ignore_stop = true;
    SLUICE_CHECK(bench.Submit(1) == StatusCode::kOk);
    SLUICE_CHECK(bench.Submit(2) == StatusCode::kOk);
    bench.WaitUntilRunning();
    SLUICE_CHECK(bench.CloseAndTake().size() == 2);
    SLUICE_CHECK(bench.closed_code() == StatusCode::kDeviceFault);
  }
  SLUICE_CHECK(!gates->gone);
  gates->run = true;
  while (!gates->gone) Pause();
  SLUICE_CHECK(gates->closed);
}

void CheckHungLoad() {
  std::shared_ptr<Gates> gates;
  {
    Bench bench(std::chrono::milliseconds(20));
    gates = bench.gates();
    bench.HoldLoads();
    SLUICE_CHECK(bench.Load() == StatusCode::kOk);
    bench.WaitUntilLoading();
    SLUICE_CHECK(bench.CloseAndTake().empty());
    std::shared_ptr<ResidentProgram> resident;
    SLUICE_CHECK(bench.WaitForLoad(&resident) == StatusCode::kDeviceFault);
    SLUICE_CHECK(bench.closed_code() == StatusCode::kDeviceFault);
  }
  SLUICE_CHECK(!gates->gone);
  gates->load = true;
  while (!gates->gone) Pause();
}

// One that stops in time, though late, is as good as any.
void CheckSlowStop() {
  Bench bench;
  bench.gates()->ignore_stop = true;
  SLUICE_CHECK(bench.Submit(1) == StatusCode::kOk);
  SLUICE_CHECK(bench.Submit(2) == StatusCode::kOk);
  bench.WaitUntilRunning();
  bench.worker().Cancel(1);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  bench.gates()->ignore_stop = false;
  bench.WaitForCompletions(1);
  bench.Open();
  bench.WaitForCompletions(2);
  const std::vector<Completion> completions = bench.CloseAndTake();
  SLUICE_CHECK(completions[0].status.code == StatusCode::kCancelled);
  SLUICE_CHECK(completions[1].status.ok());
  SLUICE_CHECK(bench.closed_code() == StatusCode::kOk);
}

}  // namespace

int main() {
  CheckOrder();
  CheckRefusals();
  CheckCancelWaiting();
  CheckCancelRunning();
  CheckClose();
  CheckLoadBesideRun();
  CheckCloseDuringLoad();
  CheckHungRun();
  CheckHungClose();
  CheckHungLoad();
  CheckSlowStop();
  return sluice::testing::Finish();
}
