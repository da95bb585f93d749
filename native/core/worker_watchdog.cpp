// The thread that watches whether a device that is told to stop does.
#include <string>
#include <utility>

#include "native/core/worker_state.hpp"

namespace sluice {

void WorkerState::Watch() {
  {
    Lock lock(mutex_);
    WatchRuns(&lock);
  }
  const Status status = WatchEnd();
  const Lock lock(mutex_);
  events_.closed(status);
}

// Returns when the worker is closing.
void WorkerState::WatchRuns(Lock* lock) {
  while (!closing_) {
    watch_.wait(*lock,
                [this] { return closing_ || (stop_running_ && running_id_ != 0 && !hung_); });
    if (closing_) return;
    const SubmissionId stopped = running_id_;
    const auto ended = [this, stopped] { return closing_ || running_id_ != stopped; };
    if (!watch_.wait_for(*lock, grace_, ended)) GiveUp();
  }
}

// Joins the threads, or leaves behind those that do not end.
Status WorkerState::WatchEnd() {
  Lock lock(mutex_);
  // A device that hung before has had its time.
  watch_.wait_for(lock, grace_, [this] { return (runner_ended_ || hung_) && !loader_works_; });
  const bool runner_ended = runner_ended_;
  const bool loader_ended = !std::exchange(loader_works_, false);
  if (!runner_ended) GiveUp();
  if (!loader_ended) {
    // Only the device's own part of a load can hang, and that reads nothing of the file.
    loaded_status_ = Hung();
    events_.loaded();
  }
  std::thread loader = std::move(loader_);
  lock.unlock();
  if (loader.joinable()) loader_ended ? loader.join() : loader.detach();
  runner_ended ? runner_.join() : runner_.detach();
  return runner_ended && loader_ended ? Ok() : Hung();
}

void WorkerState::GiveUp() {
  if (hung_) return;
  hung_ = true;
  wake_.notify_one();
  if (running_id_ != 0) events_.completed(Completion{running_id_, Hung(), {}, {}});
  AnswerWaiting(Hung());
}

Status WorkerState::Hung() const {
  return Status{StatusCode::kDeviceFault, "NPU: the device did not stop within " +
                                              std::to_string(grace_.count()) +
                                              " ms of being told to; open it anew"};
}

}  // namespace sluice
