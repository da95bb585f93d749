// The worker's queue: order, bounds, cancelling, loading and closing, with a device that waits to
// be let go.
#include "native/core/device_worker.hpp"

#include <chrono>
#include <mutex>
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
using sluice::Status;
using sluice::StatusCode;
using sluice::SubmissionId;
using sluice::testing::FileBytes;

// Copies its input once `gate` is open, or stops when it is told to.
class GatedDevice final : public sluice::Device {
 public:
  GatedDevice(std::atomic<bool>* gate, std::atomic<bool>* running, std::atomic<bool>* load_gate,
              std::atomic<bool>* loading)
      : gate_(gate), running_(running), load_gate_(load_gate), loading_(loading) {}

  const Hardware& hardware() const override { return hardware_; }

  Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) override {
    *loading_ = true;
    while (!*load_gate_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    *resident = std::make_shared<ResidentProgram>(std::move(program));
    return sluice::Ok();
  }

  Status Run(ResidentProgram&, std::span<const std::uint8_t> input, std::span<std::uint8_t> output,
             const std::atomic<bool>& stop, Counters* counters) override {
    *running_ = true;
    while (!*gate_) {
      if (stop) return Status{StatusCode::kCancelled, "stopped"};
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    output[0] = input[0];
    counters->instructions += 1;
    return sluice::Ok();
  }

 private:
  std::atomic<bool>* const gate_;
  std::atomic<bool>* const running_;
  std::atomic<bool>* const load_gate_;
  std::atomic<bool>* const loading_;
  const Hardware hardware_ = sluice::HardwareOf<sluice::configurations::Ci>();
};

// A worker whose answers are collected.
class Bench {
 public:
  Bench() : worker_(std::make_unique<GatedDevice>(&gate_, &running_, &load_gate_, &loading_)) {
    sluice::WorkerEvents events;
    events.completed = [this](Completion completion) {
      const std::lock_guard<std::mutex> lock(mutex_);
      completions_.push_back(std::move(completion));
    };
    events.loaded = [this] { loads_ += 1; };
    events.closed = [this] { closed_ = true; };
    worker_.Start(std::move(events));
    sluice::testing::Random random(2);
    const auto parts =
        sluice::testing::MakeLayer(sluice::testing::MakeRandomGemm(1, 16, 16, random));
    file_ = sluice::testing::EncodeProgram(parts, worker_.hardware());
    SLUICE_CHECK(Load() == StatusCode::kOk);
    SLUICE_CHECK(worker_.Load(file_).code == StatusCode::kQueueFull);
    SLUICE_CHECK(WaitForLoad(&resident_) == StatusCode::kOk);
    SLUICE_CHECK(resident_ != nullptr);
    loading_ = false;
  }

  StatusCode Load() { return worker_.Load(file_).code; }

  StatusCode WaitForLoad(std::shared_ptr<ResidentProgram>* resident) {
    while (loads_ == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    loads_ = 0;
    return worker_.TakeLoaded(resident).code;
  }

  void WaitUntilLoading() const {
    while (!loading_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  StatusCode Submit(std::uint8_t first, std::size_t bytes = 16) {
    std::vector<std::uint8_t> inputs(bytes, 0);
    if (bytes > 0) inputs[0] = first;
    return worker_.Submit(resident_, std::move(inputs), &last_id_).code;
  }

  // The test program's own time limit bounds both waits.
  void WaitUntilRunning() const {
    while (!running_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  void WaitForCompletions(std::size_t count) {
    while (completed() < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
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

  void Open() { gate_ = true; }
  void HoldLoads() { load_gate_ = false; }
  void OpenLoads() { load_gate_ = true; }
  FileBytes& file() { return file_; }
  DeviceWorker& worker() { return worker_; }
  SubmissionId last_id() const { return last_id_; }
  bool closed() const { return closed_; }

 private:
  std::atomic<bool> gate_{false};
  std::atomic<bool> running_{false};
  std::atomic<bool> closed_{false};
  std::atomic<bool> load_gate_{true};
  std::atomic<bool> loading_{false};
  std::atomic<int> loads_{0};
  FileBytes file_;
  std::mutex mutex_;
  std::vector<Completion> completions_;
  std::shared_ptr<ResidentProgram> resident_;
  SubmissionId last_id_ = 0;
  DeviceWorker worker_;
};

void CheckOrder() {
  Bench bench;
  for (std::uint8_t index = 1; index <= 20; ++index) {
    SLUICE_CHECK(bench.Submit(index, 16 * index) == StatusCode::kOk);
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
  SLUICE_CHECK(bench.Submit(1, 0) == StatusCode::kTensorData);
  SLUICE_CHECK(bench.Submit(1, 17) == StatusCode::kTensorData);
  SLUICE_CHECK(bench.Submit(1, sluice::limits::kSubmissionBytesMax + 16) ==
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
  SLUICE_CHECK(bench.closed());
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

}  // namespace

int main() {
  CheckOrder();
  CheckRefusals();
  CheckCancelWaiting();
  CheckCancelRunning();
  CheckClose();
  CheckLoadBesideRun();
  CheckCloseDuringLoad();
  return sluice::testing::Finish();
}
