#include "native/core/device_worker.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "native/core/limits.hpp"

namespace sluice {
namespace {

Status Closed() { return Status{StatusCode::kDeviceClosed, "NPU: the device is closed"}; }

Status CheckInputs(const Program& program, std::size_t bytes) {
  if (bytes == 0 || bytes % program.input_bytes != 0) {
    return Status{StatusCode::kTensorData, "NPU: inputs of " + std::to_string(bytes) +
                                               " bytes, a positive multiple of " +
                                               std::to_string(program.input_bytes) + " expected"};
  }
  const std::size_t items = bytes / program.input_bytes;
  if (bytes > limits::kSubmissionBytesMax ||
      items > limits::kSubmissionBytesMax / program.output_bytes) {
    return Status{StatusCode::kLimitExceeded,
                  "NPU: " + std::to_string(items) +
                      " items in one run; inputs and outputs may have " +
                      std::to_string(limits::kSubmissionBytesMax) + " bytes each"};
  }
  return Ok();
}

}  // namespace

DeviceWorker::~DeviceWorker() {
  Close();
  Join();
}

void DeviceWorker::Start(WorkerEvents events) {
  events_ = std::move(events);
  thread_ = std::thread([this] { ThreadMain(); });
}

Status DeviceWorker::Load(std::span<const std::uint8_t> file) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closing_) return Closed();
  if (loading_) return Status{StatusCode::kQueueFull, "NPU: another program is loading"};
  // The last load's outcome was taken, so its thread has nothing left to do.
  if (loader_.joinable()) loader_.join();
  try {
    loader_ = std::thread([this, file] { LoadMain(file); });
  } catch (const std::system_error& error) {
    return Status{StatusCode::kDeviceFault,
                  std::string("NPU: no thread to load on: ") + error.what()};
  }
  loading_ = true;
  return Ok();
}

Status DeviceWorker::TakeLoaded(std::shared_ptr<ResidentProgram>* resident) {
  const std::lock_guard<std::mutex> lock(mutex_);
  loading_ = false;
  *resident = std::move(loaded_);
  return std::exchange(loaded_status_, Ok());
}

Status DeviceWorker::Submit(std::shared_ptr<ResidentProgram> resident,
                            std::vector<std::uint8_t> inputs, SubmissionId* id) {
  Status status = CheckInputs(resident->program(), inputs.size());
  if (!status.ok()) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closing_) return Closed();
  const std::size_t running = running_id_ == 0 ? 0 : 1;
  if (waiting_.size() + running >= limits::kSubmissionsMax) {
    return Status{StatusCode::kQueueFull,
                  "NPU: " + std::to_string(limits::kSubmissionsMax) + " runs wait already"};
  }
  *id = next_id_++;
  waiting_.push_back(Submission{*id, std::move(resident), std::move(inputs)});
  wake_.notify_one();
  return Ok();
}

void DeviceWorker::Cancel(SubmissionId id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (running_id_ == id) stop_running_ = true;
  std::erase_if(waiting_, [id](const Submission& waiting) { return waiting.id == id; });
}

void DeviceWorker::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closing_ = true;
  stop_running_ = true;
  stop_loading_ = true;
  wake_.notify_one();
}

void DeviceWorker::Join() {
  if (thread_.joinable()) thread_.join();
}

void DeviceWorker::ThreadMain() {
  Submission submission;
  while (Take(&submission)) events_.completed(Run(std::move(submission)));
  for (const Submission& left : TakeAll()) events_.completed(Completion{left.id, Closed(), {}, {}});
  // Closing, so that no other load starts.
  if (loader_.joinable()) loader_.join();
  events_.closed();
}

void DeviceWorker::LoadMain(std::span<const std::uint8_t> file) {
  std::shared_ptr<ResidentProgram> resident;
  Status status = LoadNow(file, &resident);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    // A program of a closed device could not run.
    if (closing_ && (status.ok() || status.code == StatusCode::kCancelled)) status = Closed();
    if (status.ok()) loaded_ = std::move(resident);
    loaded_status_ = std::move(status);
  }
  events_.loaded();
}

Status DeviceWorker::LoadNow(std::span<const std::uint8_t> file,
                             std::shared_ptr<ResidentProgram>* resident) {
  try {
    Program program;
    Status status = ParseProgram(file, device_->hardware(), stop_loading_, &program);
    if (!status.ok()) return status;
    return device_->Load(std::move(program), resident);
  } catch (const std::bad_alloc&) {
    return Status{StatusCode::kDeviceFault,
                  "NPU: no memory for a program of " + std::to_string(file.size()) + " bytes"};
  }
}

bool DeviceWorker::Take(Submission* submission) {
  std::unique_lock<std::mutex> lock(mutex_);
  running_id_ = 0;
  wake_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
  if (closing_) return false;
  *submission = std::move(waiting_.front());
  waiting_.pop_front();
  running_id_ = submission->id;
  stop_running_ = false;
  return true;
}

std::deque<DeviceWorker::Submission> DeviceWorker::TakeAll() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(waiting_, {});
}

Completion DeviceWorker::Run(Submission submission) {
  const Program& program = submission.resident->program();
  const std::size_t items = submission.inputs.size() / program.input_bytes;
  Completion completion{submission.id, Ok(), {}, {}};
  completion.outputs.resize(items * program.output_bytes);
  const std::span<const std::uint8_t> inputs(submission.inputs);
  const std::span<std::uint8_t> outputs(completion.outputs);
  for (std::size_t item = 0; item < items && completion.status.ok(); ++item) {
    completion.status = device_->Run(
        *submission.resident, inputs.subspan(item * program.input_bytes, program.input_bytes),
        outputs.subspan(item * program.output_bytes, program.output_bytes), stop_running_,
        &completion.counters);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closing_ && completion.status.code == StatusCode::kCancelled) completion.status = Closed();
  if (!completion.status.ok()) completion.outputs.clear();
  return completion;
}

}  // namespace sluice
