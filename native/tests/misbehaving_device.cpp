// A device library that hangs, crashes, exits or talks nonsense when its test tells it to.
#include "native/tests/misbehaving_device.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "hls/config/generated/configurations.hpp"
#include "native/devices/remote/channel.hpp"
#include "native/devices/remote/device_library.hpp"

namespace sluice::testing {
namespace {

constexpr int kRuns = 3;
constexpr int kLoads = 4;

[[noreturn]] void Hang() {
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}

void SendRaw(const void* bytes, std::size_t count) {
  if (::send(kRuns, bytes, count, MSG_NOSIGNAL) < 0) std::perror("send");
}

void SendForged(void (*forge)(remote::Message*)) {
  remote::Message message;
  message.kind = remote::MessageKind::kRun;
  forge(&message);
  SendRaw(&message, sizeof(message));
}

void SendDescriptors() {
  remote::Channel channel{remote::FileDescriptor(::dup(kRuns))};
  const int descriptors[] = {STDIN_FILENO};
  channel.Send(remote::Message{}, descriptors);
}

void Crash() {
  // The sanitizers' handlers would make an exit of it.
  ::signal(SIGSEGV, SIG_DFL);
  ::raise(SIGSEGV);
}

void Flood() {
  const std::string line(999, 'x');
  for (int count = 0; count < 1000; ++count) std::fprintf(stderr, "%s\n", line.c_str());
  std::fprintf(stderr, "end of the flood\n");
}

void StartGrandchild() {
  if (::fork() != 0) return;
  // Its number for the test, through the file that has this process's own.
  std::FILE* file = std::fopen(std::getenv(kPidFileVariable), "w");
  std::fprintf(file, "%d", ::getpid());
  std::fclose(file);
  Hang();
}

Status Obey(RunCommand command) {
  switch (command) {
    case RunCommand::kAnswer:
      return Ok();
    case RunCommand::kAnswerSoon:
      std::this_thread::sleep_for(std::chrono::milliseconds(15));
      return Ok();
    case RunCommand::kRefuse:
      return Status{StatusCode::kDeviceFault, "test: refused\nin two lines"};
    case RunCommand::kCrash:
      Crash();
      break;
    case RunCommand::kExit:
      std::fprintf(stderr, "first line\nthe board is on fire\n\n");
      std::exit(7);
    case RunCommand::kThrow:
      throw std::runtime_error("thrown by the device");
    case RunCommand::kSendGarbage:
      SendForged([](remote::Message* message) { message->magic = 1; });
      break;
    case RunCommand::kSendTruncated:
      SendRaw("short", 5);
      break;
    case RunCommand::kSendTooMuch: {
      const std::string much(sizeof(remote::Message) + 1, '\0');
      SendRaw(much.data(), much.size());
      break;
    }
    case RunCommand::kSendOtherAnswer:
      SendForged([](remote::Message* message) { message->request = 999; });
      break;
    case RunCommand::kSendBadStatus:
      SendForged([](remote::Message* message) { message->status = StatusCode{99}; });
      break;
    case RunCommand::kSendDescriptors:
      SendDescriptors();
      break;
    case RunCommand::kFloodStandardError:
      Flood();
      return Ok();
    case RunCommand::kStartGrandchildAndHang:
      StartGrandchild();
      break;
    case RunCommand::kCloseSocketsAndHang:
      ::shutdown(kRuns, SHUT_RDWR);
      ::shutdown(kLoads, SHUT_RDWR);
      break;
    case RunCommand::kHang:
      break;
  }
  Hang();
}

class MisbehavingDevice final : public Device {
 public:
  MisbehavingDevice(Hardware hardware, std::string image)
      : hardware_(std::move(hardware)), image_(std::move(image)) {}

  const Hardware& hardware() const override { return hardware_; }

  Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) override {
    if (image_ == kLoadHang) Hang();
    if (image_ == kLoadSlow) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (image_ == kLoadRefuse) return Status{StatusCode::kDeviceFault, "test: no room"};
    *resident = std::make_shared<ResidentProgram>(std::move(program));
    return Ok();
  }

  Status Run(ResidentProgram& resident, std::span<const std::uint8_t> input,
             std::span<std::uint8_t> output, const std::atomic<bool>&,
             Counters* counters) override {
    const Status status = Obey(static_cast<RunCommand>(input[0]));
    output[0] = input[1];
    // Tells that instructions and weights have come over.
    output[1] = resident.program().weights.back();
    output[2] = static_cast<std::uint8_t>(resident.program().instructions.back().word[3]);
    output[3] = ::fcntl(kForgottenDescriptor, F_GETFD) >= 0 ? 1 : 0;
    counters->instructions += resident.program().instructions.size();
    return status;
  }

 private:
  const Hardware hardware_;
  const std::string image_;
};

void WritePid() {
  const char* path = std::getenv(kPidFileVariable);
  if (path == nullptr) return;
  std::FILE* file = std::fopen(path, "w");
  std::fprintf(file, "%d", ::getpid());
  std::fclose(file);
}

void Open(const remote::DeviceParameters& parameters, Status* status,
          std::unique_ptr<Device>* device) {
  WritePid();
  Hardware hardware = HardwareOf<configurations::Ci>();
  const std::string& image = parameters.image;
  if (image == kOpenExit) {
    std::fprintf(stderr, "no such board\n");
    std::exit(9);
  }
  if (image == kOpenHang) Hang();
  if (image == kOpenThrow) throw std::runtime_error("thrown by the opening");
  if (image == kOpenGarbage) {
    SendRaw("hello", 5);
    Hang();
  }
  if (image == kOpenRefuse) {
    *status = Status{StatusCode::kDeviceUnavailable, "test: refused to open"};
    return;
  }
  if (image == kOpenOtherHardware) hardware.hash[0] ^= 1;
  *device = std::make_unique<MisbehavingDevice>(std::move(hardware), image);
}

}  // namespace
}  // namespace sluice::testing

SLUICE_DEVICE_LIBRARY(parameters, status, device) {
  sluice::testing::Open(parameters, status, device);
}
