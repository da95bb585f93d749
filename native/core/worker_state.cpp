#include "native/core/worker_state.hpp"

#include <new>
#include <string>
#include <system_error>
#include <utility>

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

Status WorkerState::Start(WorkerEvents events, const std::shared_ptr<WorkerState>& self,
                          std::thread* watchdog) {
  events_ = std::move(events);
  try {
    runner_ = std::thread([self] { self->Run(); });
    *watchdog = std::thread([self] { self->Watch(); });
  } catch (const std::system_error& error) {
    Close();
    if (runner_.joinable()) runner_.join();
    return Status{StatusCode::kDeviceUnavailable,
                  std::string("NPU: no threads for a device: ") + error.what()};
  }
  return Ok();
}

Status WorkerState::Load(std::span<const std::uint8_t> file,
                         const std::shared_ptr<WorkerState>& self) {
  const Lock lock(mutex_);
  if (closing_) return Closed();
  if (hung_) return Hung();
  if (loading_) return Status{StatusCode::kQueueFull, "NPU: another program is loading"};
  // The last load's outcome was taken, so its thread has nothing left to do.
  if (loader_.joinable()) loader_.join();
  try {
    loader_ = std::thread([self, file] { self->RunLoad(file); });
  } catch (const std::system_error& error) {
    return Status{StatusCode::kDeviceFault,
                  std::string("NPU: no thread to load on: ") + error.what()};
  }
  loading_ = true;
  loader_works_ = true;
  return Ok();
}

Status WorkerState::TakeLoaded(std::shared_ptr<ResidentProgram>* resident) {
  const Lock lock(mutex_);
  loading_ = false;
  *resident = std::move(loaded_);
  return std::exchange(loaded_status_, Ok());
}

Status WorkerState::Submit(std::shared_ptr<ResidentProgram> resident, SharedBytes inputs,
                           SubmissionId* id) {
  Status status = CheckInputs(resident->program(), inputs.bytes().size());
  if (!status.ok()) return status;
  const Lock lock(mutex_);
  if (closing_) return Closed();
  if (hung_) return Hung();
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

void WorkerState::Cancel(SubmissionId id) {
  const Lock lock(mutex_);
  if (running_id_ == id) {
    stop_running_ = true;
    watch_.notify_one();
  }
  std::erase_if(waiting_, [id](const Submission& waiting) { return waiting.id == id; });
}

void WorkerState::Close() {
  const Lock lock(mutex_);
  closing_ = true;
  stop_running_ = true;
  stop_loading_ = true;
  wake_.notify_one();
  watch_.notify_one();
}

void WorkerState::Run() {
  Submission submission;
  while (Take(&submission)) {
    Completion completion = RunItems(submission);
    // Lets go of the inputs before the answer tells that they are free.
    submission = Submission{};
    Answer(std::move(completion));
  }
  {
    const Lock lock(mutex_);
    AnswerWaiting(Closed());
  }
  device_->Close();
  const Lock lock(mutex_);
  runner_ended_ = true;
  watch_.notify_one();
}

bool WorkerState::Take(Submission* submission) {
  Lock lock(mutex_);
  running_id_ = 0;
  watch_.notify_one();
  wake_.wait(lock, [this] { return closing_ || hung_ || !waiting_.empty(); });
  if (closing_ || hung_) return false;
  *submission = std::move(waiting_.front());
  waiting_.pop_front();
  running_id_ = submission->id;
  stop_running_ = false;
  return true;
}

Completion WorkerState::RunItems(const Submission& submission) {
  const Program& program = submission.resident->program();
  const std::span<const std::uint8_t> inputs = submission.inputs.bytes();
  const std::size_t items = inputs.size() / program.input_bytes;
  Completion completion{submission.id, Ok(), {}, {}};
  try {
    completion.outputs.resize(items * program.output_bytes);
    const std::span<std::uint8_t> outputs(completion.outputs);
    for (std::size_t item = 0; item < items && completion.status.ok(); ++item) {
      completion.status = device_->Run(
          *submission.resident, inputs.subspan(item * program.input_bytes, program.input_bytes),
          outputs.subspan(item * program.output_bytes, program.output_bytes), stop_running_,
          &completion.counters);
    }
  } catch (const std::bad_alloc&) {
    completion.status = Status{StatusCode::kDeviceFault, "NPU: no memory for the run"};
  }
  return completion;
}

void WorkerState::Answer(Completion completion) {
  const Lock lock(mutex_);
  // Answered already.
  if (hung_) return;
  if (closing_ && completion.status.code == StatusCode::kCancelled) completion.status = Closed();
  if (!completion.status.ok()) completion.outputs.clear();
  events_.completed(std::move(completion));
}

void WorkerState::AnswerWaiting(const Status& status) {
  for (const Submission& left : std::exchange(waiting_, {})) {
    events_.completed(Completion{left.id, status, {}, {}});
  }
}

void WorkerState::RunLoad(std::span<const std::uint8_t> file) {
  std::shared_ptr<ResidentProgram> resident;
  Status status = LoadNow(file, &resident);
  const Lock lock(mutex_);
  // The watchdog has given up on this thread.
  if (!loader_works_) return;
  loader_works_ = false;
  watch_.notify_one();
  // A program of a closed device could not run.
  if (closing_ && (status.ok() || status.code == StatusCode::kCancelled)) status = Closed();
  if (status.ok()) loaded_ = std::move(resident);
  loaded_status_ = std::move(status);
  events_.loaded();
}

Status WorkerState::LoadNow(std::span<const std::uint8_t> file,
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

}  // namespace sluice
