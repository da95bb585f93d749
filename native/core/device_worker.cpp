#include "native/core/device_worker.hpp"

#include <utility>

#include "native/core/worker_state.hpp"

namespace sluice {

DeviceWorker::DeviceWorker(std::unique_ptr<Device> device, std::chrono::milliseconds grace)
    : state_(std::make_shared<WorkerState>(std::move(device), grace)) {}

DeviceWorker::~DeviceWorker() {
  Close();
  Join();
}

Status DeviceWorker::Start(WorkerEvents events) {
  return state_->Start(std::move(events), state_, &watchdog_);
}

const Hardware& DeviceWorker::hardware() const { return state_->hardware(); }

Status DeviceWorker::Load(std::span<const std::uint8_t> file) { return state_->Load(file, state_); }

Status DeviceWorker::TakeLoaded(std::shared_ptr<ResidentProgram>* resident) {
  return state_->TakeLoaded(resident);
}

Status DeviceWorker::Submit(std::shared_ptr<ResidentProgram> resident, SharedBytes inputs,
                            SubmissionId* id) {
  return state_->Submit(std::move(resident), std::move(inputs), id);
}

void DeviceWorker::Cancel(SubmissionId id) { state_->Cancel(id); }

void DeviceWorker::Close() { state_->Close(); }

void DeviceWorker::Join() {
  if (watchdog_.joinable()) watchdog_.join();
}

}  // namespace sluice
