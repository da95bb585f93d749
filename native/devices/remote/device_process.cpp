#include "native/devices/remote/device_process.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace sluice::remote {
namespace {

using Clock = std::chrono::steady_clock;

// The child's descriptors 3 and 4 must not meet the parent's that become them.
constexpr int kLeastDescriptor = 10;

FileDescriptor Raised(int descriptor) {
  return FileDescriptor(::fcntl(descriptor, F_DUPFD_CLOEXEC, kLeastDescriptor));
}

Status Unavailable(std::string reason) {
  return Status{StatusCode::kDeviceUnavailable, std::move(reason)};
}

// The device's own reason, or what kept it from telling one.
Status NotOpened(const Status& status) {
  if (status.ok() || status.code == StatusCode::kCancelled) return status;
  return Unavailable(status.reason);
}

}  // namespace

DeviceProcess::~DeviceProcess() { End(std::chrono::milliseconds(0)); }

Status DeviceProcess::Start(const DeviceProcessOptions& options, const Hardware& hardware,
                            const std::atomic<bool>& stop) {
  Status status = scratch_.Create();
  if (status.ok()) status = Spawn(options);
  return status.ok() ? Hello(options, hardware, stop) : status;
}

// Afterwards the child alone holds its ends of the sockets: that they close is how its death is
// seen.
Status DeviceProcess::Spawn(const DeviceProcessOptions& options) {
  Channel runs;
  Channel loads;
  if (!OpenChannelPair(&runs_, &runs) || !OpenChannelPair(&loads_, &loads)) {
    return Unavailable("NPU: no descriptors left for a device process");
  }
  const FileDescriptor raised_runs = Raised(runs.descriptor());
  const FileDescriptor raised_loads = Raised(loads.descriptor());
  if (!raised_runs.valid() || !raised_loads.valid()) {
    return Unavailable("NPU: no descriptors left for a device process");
  }
  ChildOptions child;
  child.executable = options.host;
  child.arguments = {options.library, scratch_.path(), options.configuration,
                     std::to_string(options.device_index), options.image};
  child.environment = options.environment;
  child.descriptors = {raised_runs.get(), raised_loads.get()};
  return child_.Start(child);
}

Status DeviceProcess::Hello(const DeviceProcessOptions& options, const Hardware& hardware,
                            const std::atomic<bool>& stop) {
  Message message;
  Status status = NotOpened(Await(runs_, Patience{stop, options.timeouts.start}, &message));
  if (!status.ok()) return status;
  status = StatusOf(message);
  if (message.kind != MessageKind::kHello) {
    status = Unavailable("NPU: the device process did not begin with its hello");
  } else if (status.ok() && message.hash != hardware.hash) {
    status = Unavailable("NPU: the device is of another hardware configuration, \"" +
                         TextOf(message) + "\"; \"" + hardware.configuration + "\" expected");
  }
  if (!status.ok()) End(std::chrono::milliseconds(0));
  return NotOpened(status);
}

Status DeviceProcess::Ask(Line line, std::span<const int> descriptors, const Patience& patience,
                          Message* message) {
  const Channel& used = channel(line);
  if (line == Line::kLoads && !SendUnloads()) {
    return Fault("the device process takes no messages", std::chrono::milliseconds(0));
  }
  message->request = next_request_++;
  const MessageKind kind = message->kind;
  const std::uint64_t request = message->request;
  switch (used.Send(*message, descriptors)) {
    case Channel::Outcome::kDone:
      break;
    case Channel::Outcome::kFull:
      return Fault("the device process takes no messages", std::chrono::milliseconds(0));
    default:
      return Fault("the device process has ended", kExitGrace);
  }
  const Status status = Await(used, patience, message);
  if (!status.ok()) return status;
  if (message->kind == kind && message->request == request) return Ok();
  return Fault("the device process answered another question", std::chrono::milliseconds(0));
}

Status DeviceProcess::Await(const Channel& channel, const Patience& patience, Message* message) {
  const Status status = WaitUntilReadable(channel, patience);
  if (!status.ok()) return status;
  std::vector<FileDescriptor> unexpected;
  std::string wrong;
  switch (channel.Receive(message, &unexpected, &wrong)) {
    case Channel::Outcome::kDone:
      if (unexpected.empty()) return Ok();
      return Fault("the device process sent descriptors", std::chrono::milliseconds(0));
    case Channel::Outcome::kInvalid:
      return Fault("the device process sent no message of ours: " + wrong,
                   std::chrono::milliseconds(0));
    default:
      return Fault("the device process has ended", kExitGrace);
  }
}

Status DeviceProcess::WaitUntilReadable(const Channel& channel, const Patience& patience) {
  Clock::time_point end = Clock::now() + patience.timeout;
  bool stopping = false;
  pollfd waits[2] = {{channel.descriptor(), POLLIN, 0},
                     {child_.last_words().descriptor(), POLLIN, 0}};
  do {
    if (!stopping && patience.stop) {
      stopping = true;
      end = std::min(end, Clock::now() + kStopGrace);
    }
    if (::poll(waits, 2, static_cast<int>(kPollInterval.count())) <= 0) continue;
    if (waits[1].revents != 0) child_.last_words().Drain();
    // Closed: no more words, and it would be ready for ever.
    if ((waits[1].revents & (POLLHUP | POLLERR)) != 0) waits[1].fd = -1;
    if (waits[0].revents != 0) return Ok();
  } while (Clock::now() < end);
  if (stopping) {
    stopped_ = true;
    End(std::chrono::milliseconds(0));
    return Status{StatusCode::kCancelled, "NPU: the run was stopped"};
  }
  return Fault(
      "no answer from the device within " + std::to_string(patience.timeout.count()) + " ms",
      std::chrono::milliseconds(0));
}

Status DeviceProcess::Fault(const std::string& what, std::chrono::milliseconds grace) {
  return Status{StatusCode::kDeviceFault, "NPU: " + what + ": " + End(grace)};
}

void DeviceProcess::Unload(std::uint64_t program) {
  const std::lock_guard<std::mutex> lock(unloads_mutex_);
  unloads_.push_back(program);
  Message message;
  message.kind = MessageKind::kUnload;
  while (!unloads_.empty()) {
    message.program = unloads_.back();
    if (loads_.Send(message) != Channel::Outcome::kDone) return;
    unloads_.pop_back();
  }
}

bool DeviceProcess::SendUnloads() {
  const std::lock_guard<std::mutex> lock(unloads_mutex_);
  Message message;
  message.kind = MessageKind::kUnload;
  while (!unloads_.empty()) {
    message.program = unloads_.back();
    if (loads_.Send(message) == Channel::Outcome::kFull) return false;
    unloads_.pop_back();
  }
  return true;
}

bool DeviceProcess::alive() {
  if (ended_) return false;
  pollfd wait{runs_.descriptor(), 0, 0};
  if (::poll(&wait, 1, 0) <= 0) return true;
  End(kExitGrace);
  return false;
}

std::string DeviceProcess::End(std::chrono::milliseconds grace) {
  ended_ = true;
  runs_.Shutdown();
  loads_.Shutdown();
  return child_.End(grace);
}

}  // namespace sluice::remote
