// A device and its threads: one runs submissions, from a bounded queue in to one answer for each
// out; another, for as long as it takes, checks and loads a program meanwhile.
#ifndef SLUICE_NATIVE_CORE_DEVICE_WORKER_HPP_
#define SLUICE_NATIVE_CORE_DEVICE_WORKER_HPP_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "native/core/device.hpp"

namespace sluice {

using SubmissionId = std::uint64_t;

// The answer to a submission. `outputs` has one output for each input item, when the status is ok.
struct Completion {
  SubmissionId id = 0;
  Status status;
  std::vector<std::uint8_t> outputs;
  Counters counters;
};

// What the worker's threads call; none may throw or call back into the worker.
struct WorkerEvents {
  std::function<void(Completion)> completed;
  // TakeLoaded has the outcome of Load.
  std::function<void()> loaded;
  // The last call: no submission and no load is left and the thread ends.
  std::function<void()> closed;
};

class DeviceWorker {
 public:
  explicit DeviceWorker(std::unique_ptr<Device> device) : device_(std::move(device)) {}
  ~DeviceWorker();
  DeviceWorker(const DeviceWorker&) = delete;
  DeviceWorker& operator=(const DeviceWorker&) = delete;

  // Starts the thread. Call once, before anything else.
  void Start(WorkerEvents events);

  const Hardware& hardware() const { return device_->hardware(); }

  // Begins to check a program file and make it resident; the bytes must stay as they are until
  // `loaded`, which comes once. One at a time, up to TakeLoaded. Codes: kQueueFull, kDeviceClosed,
  // kDeviceFault; on each of these nothing follows.
  Status Load(std::span<const std::uint8_t> file);

  // The outcome of Load, once, after `loaded`. Codes: kProgramInvalid, kProgramHardwareMismatch,
  // kDeviceClosed, kDeviceFault.
  Status TakeLoaded(std::shared_ptr<ResidentProgram>* resident);

  // Queues all items of `inputs`. Codes: kTensorData, kLimitExceeded, kQueueFull, kDeviceClosed; on
  // each of these no completion follows.
  Status Submit(std::shared_ptr<ResidentProgram> resident, std::vector<std::uint8_t> inputs,
                SubmissionId* id);

  // Drops a waiting submission, which then has no completion, or stops the running one, which
  // completes with kCancelled unless it ended just before.
  void Cancel(SubmissionId id);

  // Stops the running submission and the load and answers all with kDeviceClosed. Returns at once.
  void Close();

  // Waits for the threads to end, after Close.
  void Join();

 private:
  struct Submission {
    SubmissionId id;
    std::shared_ptr<ResidentProgram> resident;
    std::vector<std::uint8_t> inputs;
  };

  void ThreadMain();
  // Takes the next submission; false when the worker is closing.
  bool Take(Submission* submission);
  Completion Run(Submission submission);
  std::deque<Submission> TakeAll();
  void LoadMain(std::span<const std::uint8_t> file);
  Status LoadNow(std::span<const std::uint8_t> file, std::shared_ptr<ResidentProgram>* resident);

  const std::unique_ptr<Device> device_;
  WorkerEvents events_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Submission> waiting_;
  SubmissionId next_id_ = 1;
  SubmissionId running_id_ = 0;
  bool closing_ = false;
  std::atomic<bool> stop_running_{false};

  // The load's thread. Load starts it; the other thread joins it when the worker closes.
  std::thread loader_;
  // From Load to TakeLoaded.
  bool loading_ = false;
  Status loaded_status_;
  std::shared_ptr<ResidentProgram> loaded_;
  std::atomic<bool> stop_loading_{false};
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_DEVICE_WORKER_HPP_
