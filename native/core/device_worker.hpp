// A device and its threads: one runs submissions, from a bounded queue in to one answer for each
// out; another, for as long as it takes, checks and loads a program meanwhile; a third watches that
// a device that is told to stop does.
#ifndef SLUICE_NATIVE_CORE_DEVICE_WORKER_HPP_
#define SLUICE_NATIVE_CORE_DEVICE_WORKER_HPP_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "native/core/device.hpp"
#include "native/core/limits.hpp"
#include "native/core/shared_bytes.hpp"

namespace sluice {

using SubmissionId = std::uint64_t;

// The answer to a submission. `outputs` has one output for each input item, when the status is ok.
struct Completion {
  SubmissionId id = 0;
  Status status;
  std::vector<std::uint8_t> outputs;
  Counters counters;
};

// What the worker's threads call; none may throw, take long or call back into the worker.
struct WorkerEvents {
  std::function<void(Completion)> completed;
  // TakeLoaded has the outcome of Load.
  std::function<void()> loaded;
  // The last call: no submission and no load is left. Ok, or kDeviceFault when the device did not
  // stop: then a thread is left behind with the device, and calls nothing any more.
  std::function<void(Status)> closed;
};

class WorkerState;

// A device that does not come back within `grace` of being told to stop counts as hung: what runs
// or waits on it is answered with kDeviceFault, and it takes nothing more.
class DeviceWorker {
 public:
  explicit DeviceWorker(std::unique_ptr<Device> device,
                        std::chrono::milliseconds grace = limits::kStopGrace);
  ~DeviceWorker();
  DeviceWorker(const DeviceWorker&) = delete;
  DeviceWorker& operator=(const DeviceWorker&) = delete;

  // Starts the threads. Call once, before anything else but hardware(); kDeviceUnavailable: there
  // are none to be had, and no event follows.
  Status Start(WorkerEvents events);

  const Hardware& hardware() const;

  // Begins to check a program file and make it resident; the bytes must stay as they are until
  // `loaded`, which comes once, or `closed`. One at a time, up to TakeLoaded. Codes: kQueueFull,
  // kDeviceClosed, kDeviceFault; on each of these nothing follows.
  Status Load(std::span<const std::uint8_t> file);

  // The outcome of Load, once, after `loaded`. Codes: kProgramInvalid, kProgramHardwareMismatch,
  // kDeviceClosed, kDeviceFault.
  Status TakeLoaded(std::shared_ptr<ResidentProgram>* resident);

  // Queues all items of `inputs`. Codes: kTensorData, kLimitExceeded, kQueueFull, kDeviceClosed,
  // kDeviceFault; on each of these no completion follows.
  Status Submit(std::shared_ptr<ResidentProgram> resident, SharedBytes inputs, SubmissionId* id);

  // Drops a waiting submission, which then has no completion, or stops the running one, which
  // completes with kCancelled unless it ended just before.
  void Cancel(SubmissionId id);

  // Stops the running submission and the load and answers all with kDeviceClosed. Returns at once.
  void Close();

  // Waits until `closed` has been called, after Close: the grace at most, and a little.
  void Join();

 private:
  // Shared with the threads: one that is left behind keeps what it uses.
  const std::shared_ptr<WorkerState> state_;
  std::thread watchdog_;
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_DEVICE_WORKER_HPP_
