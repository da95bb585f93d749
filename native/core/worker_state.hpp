// What the threads of a DeviceWorker share.
#ifndef SLUICE_NATIVE_CORE_WORKER_STATE_HPP_
#define SLUICE_NATIVE_CORE_WORKER_STATE_HPP_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "native/core/device_worker.hpp"

namespace sluice {

// Queue, running submission and load. Events are called with the mutex held, so that none comes
// after the watchdog has answered in the device's place.
class WorkerState {
 public:
  WorkerState(std::unique_ptr<Device> device, std::chrono::milliseconds grace)
      : device_(std::move(device)), grace_(grace) {}

  const Hardware& hardware() const { return device_->hardware(); }

  // As DeviceWorker's, which has the comments; `self` goes to the threads.
  Status Start(WorkerEvents events, const std::shared_ptr<WorkerState>& self,
               std::thread* watchdog);
  Status Load(std::span<const std::uint8_t> file, const std::shared_ptr<WorkerState>& self);
  Status TakeLoaded(std::shared_ptr<ResidentProgram>* resident);
  Status Submit(std::shared_ptr<ResidentProgram> resident, SharedBytes inputs, SubmissionId* id);
  void Cancel(SubmissionId id);
  void Close();

 private:
  struct Submission {
    SubmissionId id = 0;
    std::shared_ptr<ResidentProgram> resident;
    SharedBytes inputs;
  };
  using Lock = std::unique_lock<std::mutex>;

  // The threads.
  void Run();
  void RunLoad(std::span<const std::uint8_t> file);
  void Watch();

  // Takes the next submission; false when there is to be none any more.
  bool Take(Submission* submission);
  Completion RunItems(const Submission& submission);
  void Answer(Completion completion);
  void AnswerWaiting(const Status& status);
  Status LoadNow(std::span<const std::uint8_t> file, std::shared_ptr<ResidentProgram>* resident);
  void WatchRuns(Lock* lock);
  Status WatchEnd();
  // Answers all that runs or waits in the place of a device that does not.
  void GiveUp();
  Status Hung() const;

  const std::unique_ptr<Device> device_;
  const std::chrono::milliseconds grace_;
  WorkerEvents events_;

  // Started with the watchdog, which joins it or leaves it behind.
  std::thread runner_;

  std::mutex mutex_;
  // There is something to run, or to end.
  std::condition_variable wake_;
  // Something was stopped, or has ended.
  std::condition_variable watch_;
  std::deque<Submission> waiting_;
  SubmissionId next_id_ = 1;
  SubmissionId running_id_ = 0;
  bool closing_ = false;
  bool hung_ = false;
  bool runner_ended_ = false;
  std::atomic<bool> stop_running_{false};

  // From Load to TakeLoaded.
  bool loading_ = false;
  // From Load to `loaded`.
  bool loader_works_ = false;
  std::thread loader_;
  Status loaded_status_;
  std::shared_ptr<ResidentProgram> loaded_;
  std::atomic<bool> stop_loading_{false};
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_WORKER_STATE_HPP_
