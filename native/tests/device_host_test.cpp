// sluice-device-host against a hostile other end: it ends with a line that says what was wrong.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "hls/testing.hpp"
#include "native/devices/remote/channel.hpp"
#include "native/devices/remote/child_process.hpp"
#include "native/devices/remote/program_transfer.hpp"
#include "native/tests/remote_bench.hpp"

namespace {

using namespace sluice::remote;  // NOLINT: a test of this namespace
using sluice::StatusCode;
using sluice::testing::MarkedProgram;
using sluice::testing::MisbehavingOptions;

// A host whose sockets the test holds.
class Host {
 public:
  Host() {
    const DeviceProcessOptions process = MisbehavingOptions("");
    Channel runs;
    Channel loads;
    SLUICE_CHECK(OpenChannelPair(&runs_, &runs) && OpenChannelPair(&loads_, &loads));
    ChildOptions options;
    options.executable = process.host;
    options.environment = process.environment;
    options.arguments = {process.library, "/nonexistent", process.configuration, "0", ""};
    // Not in the way of 3 and 4: a dup2 of a descriptor onto itself would leave it closed on exec.
    const FileDescriptor first(::fcntl(runs.descriptor(), F_DUPFD_CLOEXEC, 20));
    const FileDescriptor second(::fcntl(loads.descriptor(), F_DUPFD_CLOEXEC, 20));
    options.descriptors = {first.get(), second.get()};
    SLUICE_CHECK(child_.Start(options).ok());
    Message hello;
    SLUICE_CHECK(Receive(runs_, &hello) && hello.kind == MessageKind::kHello);
    SLUICE_CHECK(TextOf(hello) == "ci");
  }

  static bool Receive(const Channel& channel, Message* message) {
    std::vector<FileDescriptor> descriptors;
    std::string fault;
    return channel.Receive(message, &descriptors, &fault) == Channel::Outcome::kDone;
  }

  void SendRaw(const void* bytes, std::size_t count) const {
    SLUICE_CHECK(::send(runs_.descriptor(), bytes, count, MSG_NOSIGNAL) ==
                 static_cast<ssize_t>(count));
  }

  // Whether the host has ended with this code and these words.
  bool EndedWith(int exit_code, std::string_view words) {
    const std::string ending = child_.End(std::chrono::milliseconds(10'000));
    const bool told = ending.find("exited with code " + std::to_string(exit_code)) == 3 &&
                      ending.find(words) != std::string::npos;
    if (!told) std::fprintf(stderr, "ending: %s\n", ending.c_str());
    return told;
  }

  const Channel& runs() const { return runs_; }
  const Channel& loads() const { return loads_; }
  void CloseSockets() const {
    runs_.Shutdown();
    loads_.Shutdown();
  }

 private:
  Channel runs_;
  Channel loads_;
  ChildProcess child_;
};

Message LoadMessage() {
  Message message;
  message.kind = MessageKind::kLoad;
  message.program = 1;
  message.sizes = SizesOf(MarkedProgram(1));
  return message;
}

void CheckBytes() {
  const std::string longer(sizeof(Message) + 1, '\0');
  for (const std::size_t count : {std::size_t{1}, sizeof(Message) - 1, sizeof(Message) + 1}) {
    Host host;
    host.SendRaw(longer.data(), count);
    SLUICE_CHECK(host.EndedWith(3, "not a message: its length"));
  }
}

void CheckFields() {
  const struct {
    void (*forge)(Message*);
    const char* words;
  } cases[] = {
      {[](Message* message) { message->magic ^= 1; }, "not a message: magic"},
      {[](Message* message) { message->version += 1; }, "not a message: version 2"},
      {[](Message* message) { message->kind = MessageKind{77}; }, "not a message: kind 77"},
      {[](Message* message) { message->text_bytes = 100'000; }, "text length 100000"},
      {[](Message* message) { message->kind = MessageKind::kHello; }, "a hello where"},
      {[](Message* message) { message->kind = MessageKind::kRun; }, "no program 1"},
      {[](Message* message) { message->kind = MessageKind::kUnload; }, "no program 1"},
      {[](Message*) {}, "a message with 0 descriptors; 2 expected"},
  };
  for (const auto& one : cases) {
    Host host;
    Message message = LoadMessage();
    one.forge(&message);
    host.SendRaw(&message, sizeof(message));
    SLUICE_CHECK(host.EndedWith(3, one.words));
  }
}

void CheckSizes() {
  void (*const forgeries[])(ProgramSizes*) = {
      [](ProgramSizes* sizes) { sizes->instructions = 0; },
      [](ProgramSizes* sizes) { sizes->instructions = ~std::uint64_t{0} / 8; },
      [](ProgramSizes* sizes) { sizes->weights_bytes = std::uint64_t{1} << 60; },
      [](ProgramSizes* sizes) { sizes->input_bytes = 0; },
      [](ProgramSizes* sizes) { sizes->output_bytes = ~std::uint64_t{0}; },
      [](ProgramSizes* sizes) { sizes->arena_bytes = std::uint64_t{1} << 40; },
  };
  for (const auto forge : forgeries) {
    Host host;
    Message message = LoadMessage();
    forge(&message.sizes);
    SharedMemory memory;
    SLUICE_CHECK(SharedMemory::Create(64, &memory).ok());
    const int descriptors[] = {memory.descriptor(), memory.descriptor()};
    SLUICE_CHECK(host.loads().Send(message, descriptors) == Channel::Outcome::kDone);
    SLUICE_CHECK(host.EndedWith(3, "expected"));
  }
}

// Memory that could shrink, or that has another size, is refused and kills nobody.
void CheckMemory() {
  Host host;
  SharedMemory program;
  SharedMemory items;
  SLUICE_CHECK(WriteProgram(MarkedProgram(1), &program).ok());
  SLUICE_CHECK(SharedMemory::Create(32, &items).ok());
  const FileDescriptor open(::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  SLUICE_CHECK(::ftruncate(open.get(), 32) == 0);
  const struct {
    int descriptors[2];
    StatusCode expected;
  } cases[] = {
      {{program.descriptor(), open.get()}, StatusCode::kDeviceFault},
      {{items.descriptor(), items.descriptor()}, StatusCode::kDeviceFault},
      {{program.descriptor(), STDERR_FILENO}, StatusCode::kDeviceFault},
      {{program.descriptor(), items.descriptor()}, StatusCode::kOk},
  };
  for (const auto& one : cases) {
    Message message = LoadMessage();
    SLUICE_CHECK(host.loads().Send(message, one.descriptors) == Channel::Outcome::kDone);
    SLUICE_CHECK(Host::Receive(host.loads(), &message) && message.status == one.expected);
  }
  host.CloseSockets();
  SLUICE_CHECK(host.EndedWith(0, ""));
}

void CheckRandomMessages() {
  sluice::testing::Random random(11);
  for (int round = 0; round < 20; ++round) {
    Host host;
    Message message = LoadMessage();
    unsigned char* bytes = reinterpret_cast<unsigned char*>(&message);
    // The magic or the version at least is wrong.
    bytes[random.Between(0, 11)] ^= 0x80;
    for (std::size_t index = 12; index < sizeof(message); ++index) {
      bytes[index] = static_cast<unsigned char>(random.Between(0, 255));
    }
    host.SendRaw(bytes, sizeof(message));
    SLUICE_CHECK(host.EndedWith(3, "not a message"));
  }
}

void CheckUsage() {
  ChildOptions options;
  options.executable = MisbehavingOptions("").host;
  ChildProcess child;
  SLUICE_CHECK(child.Start(options).ok());
  const std::string ending = child.End(std::chrono::milliseconds(10'000));
  SLUICE_CHECK(ending.find("code 2") != std::string::npos &&
               ending.find("not by hand") != std::string::npos);
}

}  // namespace

int main() {
  CheckBytes();
  CheckFields();
  CheckSizes();
  CheckMemory();
  CheckRandomMessages();
  CheckUsage();
  return sluice::testing::Finish();
}
