#include "native/host/device_server.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "native/devices/remote/program_transfer.hpp"

namespace sluice::remote {

void Die(int exit_code, const std::string& reason) {
  std::fprintf(stderr, "sluice-device-host: %s\n", reason.c_str());
  std::fflush(stderr);
  std::_Exit(exit_code);
}

void DeviceServer::Serve(const Channel& channel) {
  while (true) {
    Message message;
    std::vector<FileDescriptor> descriptors;
    std::string fault;
    switch (channel.Receive(&message, &descriptors, &fault)) {
      case Channel::Outcome::kDone:
        break;
      case Channel::Outcome::kEnded:
        return;
      default:
        Die(kExitInvalidMessage, "not a message: " + fault);
    }
    try {
      Handle(channel, std::move(descriptors), &message);
    } catch (const std::exception& error) {
      Die(kExitDevice, std::string("the device threw: ") + error.what());
    }
  }
}

void DeviceServer::Handle(const Channel& channel, std::vector<FileDescriptor> descriptors,
                          Message* message) {
  const std::size_t expected = message->kind == MessageKind::kLoad ? kDescriptorsMax : 0;
  if (descriptors.size() != expected) {
    Die(kExitInvalidMessage, "a message with " + std::to_string(descriptors.size()) +
                                 " descriptors; " + std::to_string(expected) + " expected");
  }
  switch (message->kind) {
    case MessageKind::kLoad:
      SetStatus(Load(std::move(descriptors), *message), message);
      break;
    case MessageKind::kRun:
      SetStatus(Run(message), message);
      break;
    case MessageKind::kUnload:
      return Unload(message->program);
    default:
      Die(kExitInvalidMessage, "a hello where a request was expected");
  }
  // Full or ended: the other end does not listen any more, and the next read says so.
  channel.Send(*message);
}

Status DeviceServer::Load(std::vector<FileDescriptor> descriptors, const Message& message) {
  Status status = CheckSizes(message.sizes);
  if (!status.ok()) Die(kExitInvalidMessage, status.reason);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (residents_.size() >= kResidentProgramsMax) {
      return Status{StatusCode::kLimitExceeded, "NPU: " + std::to_string(kResidentProgramsMax) +
                                                    " programs are resident already"};
    }
  }
  const auto resident = std::make_shared<Resident>();
  SharedMemory sections;
  status = SharedMemory::Open(std::move(descriptors[0]), ProgramBytes(message.sizes), &sections);
  if (!status.ok()) return status;
  status =
      SharedMemory::Open(std::move(descriptors[1]), ItemBytes(message.sizes), &resident->items);
  if (!status.ok()) return status;
  try {
    const std::lock_guard<std::mutex> lock(loading_);
    status = device_->Load(ReadProgram(message.sizes, sections.bytes()), &resident->program);
  } catch (const std::bad_alloc&) {
    status =
        Status{StatusCode::kDeviceFault, "NPU: no memory for a program of " +
                                             std::to_string(sections.bytes().size()) + " bytes"};
  }
  if (!status.ok()) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  residents_[message.program] = resident;
  return Ok();
}

Status DeviceServer::Run(Message* message) {
  std::shared_ptr<Resident> resident;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto entry = residents_.find(message->program);
    if (entry == residents_.end()) {
      Die(kExitInvalidMessage, "no program " + std::to_string(message->program));
    }
    resident = entry->second;
  }
  const Program& program = resident->program->program();
  const std::span<std::uint8_t> items = resident->items.bytes();
  // The other end kills this process to stop a run.
  const std::atomic<bool> never{false};
  message->counters = Counters{};
  const std::lock_guard<std::mutex> lock(running_);
  return device_->Run(*resident->program, items.first(program.input_bytes),
                      items.subspan(program.input_bytes), never, &message->counters);
}

void DeviceServer::Unload(std::uint64_t program) {
  std::shared_ptr<Resident> released;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto entry = residents_.find(program);
  if (entry == residents_.end()) Die(kExitInvalidMessage, "no program " + std::to_string(program));
  released = std::move(entry->second);
  residents_.erase(entry);
}

}  // namespace sluice::remote
