// A device in another process: every way in which that process may fail is a status here, and
// leaves neither processes nor files nor descriptors behind.
#include "native/devices/remote/remote_device.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

#include "hls/testing.hpp"
#include "native/devices/remote/child_process.hpp"
#include "native/tests/remote_bench.hpp"

namespace {

using namespace sluice;           // NOLINT: a test of this namespace
using namespace sluice::testing;  // NOLINT
using std::chrono::milliseconds;

const std::atomic<bool> kNever{false};

bool Mentions(const Status& status, std::string_view text) {
  const bool mentions = status.reason.find(text) != std::string::npos;
  if (!mentions) std::fprintf(stderr, "reason: %s\n", status.reason.c_str());
  return mentions && status.reason.find('\n') == std::string::npos;
}

struct Answer {
  Status status;
  std::array<std::uint8_t, 16> output{};
  Counters counters;
};

Answer RunOn(Device& device, ResidentProgram& program, RunCommand command, std::uint8_t value = 1,
             const std::atomic<bool>& stop = kNever) {
  std::array<std::uint8_t, 16> input{};
  input[0] = static_cast<std::uint8_t>(command);
  input[1] = value;
  Answer answer;
  answer.status = device.Run(program, input, answer.output, stop, &answer.counters);
  return answer;
}

// An open device with one program.
struct Bench {
  explicit Bench(remote::DeviceProcessOptions options = MisbehavingOptions("")) {
    SLUICE_CHECK(OpenRemoteDevice(std::move(options), kNever, &device).ok());
    program = Load(7);
  }

  std::shared_ptr<ResidentProgram> Load(std::uint8_t mark) {
    std::shared_ptr<ResidentProgram> loaded = LoadUnchecked(mark);
    SLUICE_CHECK(loaded != nullptr);
    return loaded;
  }

  // For another thread than the test's, which alone may count checks.
  std::shared_ptr<ResidentProgram> LoadUnchecked(std::uint8_t mark) {
    std::shared_ptr<ResidentProgram> loaded;
    return device->Load(MarkedProgram(mark), &loaded).ok() ? loaded : nullptr;
  }

  Answer Run(RunCommand command, std::uint8_t value = 1, const std::atomic<bool>& stop = kNever) {
    return RunOn(*device, *program, command, value, stop);
  }

  bool Answers(std::uint8_t value) {
    const Answer answer = Run(RunCommand::kAnswer, value);
    return answer.status.ok() && answer.output[0] == value && answer.output[1] == 7 &&
           answer.output[2] == 7 && answer.counters.instructions == 2;
  }

  std::unique_ptr<Device> device;
  std::shared_ptr<ResidentProgram> program;
};

void CheckAnswers() {
  Bench bench;
  SLUICE_CHECK(bench.device->hardware().configuration == "ci");
  for (std::uint8_t value = 1; value < 50; ++value) SLUICE_CHECK(bench.Answers(value));
  const auto other = bench.Load(9);
  SLUICE_CHECK(RunOn(*bench.device, *other, RunCommand::kAnswer).output[1] == 9);
  const Answer refused = bench.Run(RunCommand::kRefuse);
  SLUICE_CHECK(refused.status.code == StatusCode::kDeviceFault);
  SLUICE_CHECK(refused.status.reason == "test: refused in two lines");
  SLUICE_CHECK(refused.counters.instructions == 2);
  SLUICE_CHECK(bench.Answers(3));
}

// A descriptor that this process forgot to close on exec.
void CheckInheritedDescriptors() {
  const int forgotten = ::fcntl(STDERR_FILENO, F_DUPFD, kForgottenDescriptor);
  SLUICE_CHECK(forgotten == kForgottenDescriptor);
  Bench bench;
  SLUICE_CHECK(bench.Run(RunCommand::kAnswer).output[3] == 0);
  ::close(forgotten);
}

struct Failure {
  RunCommand command;
  const char* reason;
};

// Each in a fresh device, twice: the process is started again and the program follows it there.
void CheckFailures() {
  const Failure failures[] = {
      {RunCommand::kCrash, "signal 11"},
      {RunCommand::kExit, "exited with code 7; its last words: the board is on fire"},
      {RunCommand::kThrow,
       "code 4; its last words: sluice-device-host: the device threw: thrown by"},
      {RunCommand::kSendGarbage, "no message of ours: magic 1"},
      {RunCommand::kSendTruncated, "5 bytes"},
      {RunCommand::kSendTooMuch, "its length"},
      {RunCommand::kSendOtherAnswer, "another question"},
      {RunCommand::kSendBadStatus, "status 99"},
      {RunCommand::kSendDescriptors, "sent descriptors"},
      {RunCommand::kCloseSocketsAndHang, "has ended: it was killed"},
      {RunCommand::kHang, "no answer from the device within 2000 ms: it was killed"},
  };
  for (const Failure& failure : failures) {
    remote::DeviceProcessOptions options = MisbehavingOptions("");
    if (failure.command == RunCommand::kHang) options.timeouts.run = milliseconds(2'000);
    Bench bench(options);
    for (std::uint8_t round = 1; round <= 2; ++round) {
      const Answer answer = bench.Run(failure.command);
      SLUICE_CHECK(answer.status.code == StatusCode::kDeviceFault);
      SLUICE_CHECK(Mentions(answer.status, failure.reason));
      SLUICE_CHECK(bench.Answers(round));
    }
  }
}

// Whether it was early enough to be put off; a machine that is held up may be too late for that.
bool CheckPuttingOff() {
  Bench bench;
  SLUICE_CHECK(bench.Run(RunCommand::kExit).status.code == StatusCode::kDeviceFault);
  SLUICE_CHECK(bench.Run(RunCommand::kExit).status.code == StatusCode::kDeviceFault);
  const Status early = bench.Run(RunCommand::kAnswer).status;
  if (early.ok()) return false;
  SLUICE_CHECK(early.code == StatusCode::kDeviceUnavailable);
  SLUICE_CHECK(Mentions(early, "on fire; started again in "));
  std::shared_ptr<ResidentProgram> loaded;
  const Status load = bench.device->Load(MarkedProgram(1), &loaded);
  if (load.ok()) return false;
  SLUICE_CHECK(load.code == StatusCode::kDeviceUnavailable);
  std::this_thread::sleep_for(remote::kRestartDelay);
  SLUICE_CHECK(bench.Answers(5));
  // A good run has ended the row of failures.
  SLUICE_CHECK(bench.Run(RunCommand::kExit).status.code == StatusCode::kDeviceFault);
  SLUICE_CHECK(bench.Answers(6));
  return true;
}

constexpr int kTriesInTime = 50;

void CheckBackOff() {
  int tries = 0;
  while (tries < kTriesInTime && !CheckPuttingOff()) ++tries;
  SLUICE_CHECK(tries < kTriesInTime);
}

void CheckStop() {
  Bench bench;
  std::atomic<bool> stop{false};
  std::thread stopper([&stop] {
    std::this_thread::sleep_for(milliseconds(30));
    stop = true;
  });
  // Its own time limit would be another status.
  const Answer stopped = bench.Run(RunCommand::kHang, 1, stop);
  stopper.join();
  SLUICE_CHECK(stopped.status.code == StatusCode::kCancelled);
  SLUICE_CHECK(bench.Answers(4));
}

// Whether it ended within the grace, so that the process and its programs stayed.
bool OutlivesShortRun() {
  TemporaryFolder folder;
  remote::DeviceProcessOptions options = MisbehavingOptions("");
  options.environment.push_back(std::string(kPidFileVariable) + "=" + folder.File("pid"));
  Bench bench(options);
  const int pid = WaitForPid(folder.File("pid"));
  const std::atomic<bool> stop{true};
  if (bench.Run(RunCommand::kAnswerSoon, 8, stop).output[0] != 8) return false;
  SLUICE_CHECK(bench.Answers(1) && WaitForPid(folder.File("pid")) == pid);
  return true;
}

void CheckStopOfShortRun() {
  int tries = 0;
  while (tries < kTriesInTime && !OutlivesShortRun()) ++tries;
  SLUICE_CHECK(tries < kTriesInTime);
}

void CheckFlood() {
  Bench bench;
  SLUICE_CHECK(bench.Run(RunCommand::kFloodStandardError, 3).output[0] == 3);
  SLUICE_CHECK(Mentions(bench.Run(RunCommand::kCrash).status, "end of the flood"));
}

void CheckGrandchild() {
  TemporaryFolder folder;
  remote::DeviceProcessOptions options = MisbehavingOptions("");
  options.environment.push_back(std::string(kPidFileVariable) + "=" + folder.File("pid"));
  options.timeouts.run = milliseconds(2'000);
  Bench bench(options);
  const int child = WaitForPid(folder.File("pid"));
  SLUICE_CHECK(bench.Run(RunCommand::kStartGrandchildAndHang).status.code ==
               StatusCode::kDeviceFault);
  const int grandchild = WaitForPid(folder.File("pid"), child);
  SLUICE_CHECK(grandchild > 0 && WaitUntilGone(grandchild));
}

void CheckOpening() {
  const struct {
    const char* image;
    const char* reason;
  } cases[] = {
      {kOpenRefuse, "test: refused to open"},
      {kOpenExit, "exited with code 9; its last words: no such board"},
      {kOpenThrow, "thrown by the opening"},
      {kOpenGarbage, "no message of ours"},
      {kOpenHang, "no answer from the device within 300 ms"},
      {kOpenOtherHardware, "another hardware configuration"},
  };
  for (const auto& one : cases) {
    remote::DeviceProcessOptions options = MisbehavingOptions(one.image);
    if (one.image == kOpenHang) options.timeouts.start = milliseconds(300);
    std::unique_ptr<Device> device;
    const Status status = OpenRemoteDevice(options, kNever, &device);
    SLUICE_CHECK(status.code == StatusCode::kDeviceUnavailable);
    SLUICE_CHECK(Mentions(status, one.reason));
    SLUICE_CHECK(device == nullptr);
  }
}

void CheckOpeningWithout() {
  std::unique_ptr<Device> device;
  remote::DeviceProcessOptions options = MisbehavingOptions("");
  options.library = "/nonexistent/device.so";
  Status status = OpenRemoteDevice(options, kNever, &device);
  SLUICE_CHECK(status.code == StatusCode::kDeviceUnavailable);
  SLUICE_CHECK(Mentions(status, "/nonexistent/device.so: cannot open shared object file"));
  options.host = "/nonexistent/host";
  status = OpenRemoteDevice(options, kNever, &device);
  SLUICE_CHECK(status.code == StatusCode::kDeviceUnavailable);
  SLUICE_CHECK(Mentions(status, "cannot start /nonexistent/host: No such file"));
  options.configuration = "nonsense";
  status = OpenRemoteDevice(options, kNever, &device);
  SLUICE_CHECK(Mentions(status, "no configuration \"nonsense\"; there are"));
  const std::atomic<bool> stop{true};
  SLUICE_CHECK(OpenRemoteDevice(MisbehavingOptions(kOpenHang), stop, &device).code ==
               StatusCode::kCancelled);
}

void CheckLoads() {
  std::shared_ptr<ResidentProgram> loaded;
  std::unique_ptr<Device> device;
  SLUICE_CHECK(OpenRemoteDevice(MisbehavingOptions(kLoadRefuse), kNever, &device).ok());
  SLUICE_CHECK(device->Load(MarkedProgram(1), &loaded).reason == "test: no room");
  remote::DeviceProcessOptions options = MisbehavingOptions(kLoadHang);
  options.timeouts.load = milliseconds(400);
  SLUICE_CHECK(OpenRemoteDevice(options, kNever, &device).ok());
  const Status status = device->Load(MarkedProgram(1), &loaded);
  SLUICE_CHECK(status.code == StatusCode::kDeviceFault);
  SLUICE_CHECK(Mentions(status, "within 400 ms"));
  SLUICE_CHECK(loaded == nullptr);
}

// Programs load, and are unloaded, while another runs.
void CheckLoadBesideRun() {
  Bench bench;
  std::atomic<bool> done{false};
  int loads = 0;
  std::thread loader([&bench, &done, &loads] {
    for (std::uint8_t mark = 0; mark < 40; ++mark) {
      loads += bench.LoadUnchecked(mark) != nullptr ? 1 : 0;
    }
    done = true;
  });
  int runs = 0;
  for (; !done || runs < 10; ++runs) SLUICE_CHECK(bench.Answers(2));
  loader.join();
  SLUICE_CHECK(loads == 40 && bench.Answers(1));
}

// A run that is stopped takes the process with it, but not the load on the other thread.
void CheckLoadBesideStop() {
  Bench bench(MisbehavingOptions(kLoadSlow));
  std::atomic<bool> stop{false};
  std::shared_ptr<ResidentProgram> loaded;
  std::thread loader([&bench, &loaded] { loaded = bench.LoadUnchecked(8); });
  std::thread stopper([&stop] {
    std::this_thread::sleep_for(milliseconds(50));
    stop = true;
  });
  SLUICE_CHECK(bench.Run(RunCommand::kHang, 1, stop).status.code == StatusCode::kCancelled);
  stopper.join();
  loader.join();
  SLUICE_CHECK(loaded != nullptr &&
               RunOn(*bench.device, *loaded, RunCommand::kAnswer).output[1] == 8);
}

// The process forgets what is unloaded, and says when it can hold no more.
void CheckResidents() {
  Bench bench;
  std::vector<std::shared_ptr<ResidentProgram>> residents{bench.program};
  for (std::size_t count = 0; count < 2 * remote::kResidentProgramsMax; ++count) bench.Load(1);
  while (residents.size() < remote::kResidentProgramsMax) residents.push_back(bench.Load(1));
  std::shared_ptr<ResidentProgram> loaded;
  SLUICE_CHECK(bench.device->Load(MarkedProgram(1), &loaded).code == StatusCode::kLimitExceeded);
  residents.pop_back();
  SLUICE_CHECK(bench.Load(1) != nullptr && bench.Answers(1));
}

void CheckCloseDuringLoad() {
  remote::DeviceProcessOptions options = MisbehavingOptions(kLoadHang);
  options.timeouts.load = milliseconds(60'000);
  std::unique_ptr<Device> device;
  SLUICE_CHECK(OpenRemoteDevice(options, kNever, &device).ok());
  Status status;
  std::thread loader([&device, &status] {
    std::shared_ptr<ResidentProgram> loaded;
    status = device->Load(MarkedProgram(1), &loaded);
  });
  std::this_thread::sleep_for(milliseconds(50));
  device->Close();
  loader.join();
  SLUICE_CHECK(status.code == StatusCode::kDeviceClosed);
}

void CheckClosed() {
  Bench bench;
  bench.device->Close();
  bench.device->Close();
  SLUICE_CHECK(!HasChildren());
  SLUICE_CHECK(bench.Run(RunCommand::kAnswer).status.code == StatusCode::kDeviceClosed);
  std::shared_ptr<ResidentProgram> loaded;
  SLUICE_CHECK(bench.device->Load(MarkedProgram(1), &loaded).code == StatusCode::kDeviceClosed);
}

// Dies by SIGKILL in the middle of a run that hangs.
int DieDuringRun(const char* pid_file) {
  remote::DeviceProcessOptions options = MisbehavingOptions("");
  options.timeouts.run = milliseconds(60'000);
  options.environment.push_back(std::string(kPidFileVariable) + "=" + pid_file);
  Bench bench(options);
  std::thread killer([] {
    std::this_thread::sleep_for(milliseconds(100));
    ::raise(SIGKILL);
  });
  bench.Run(RunCommand::kHang);
  killer.join();
  return 1;
}

void CheckDeathOfParent(const char* executable) {
  TemporaryFolder folder;
  remote::ChildOptions options;
  options.executable = executable;
  options.arguments = {folder.File("pid")};
  options.environment = {"TMPDIR=" + folder.File("")};
  remote::ChildProcess parent;
  SLUICE_CHECK(parent.Start(options).ok());
  const int orphan = WaitForPid(folder.File("pid"));
  SLUICE_CHECK(orphan > 0);
  SLUICE_CHECK(parent.End(milliseconds(20'000)).find("signal 9") != std::string::npos);
  SLUICE_CHECK(WaitUntilGone(orphan));
  SLUICE_CHECK(folder.ScratchFolders() == 0);
}

void CheckEverything(const char* executable) {
  TemporaryFolder folder;
  const std::size_t descriptors = OpenDescriptors();
  CheckAnswers();
  CheckInheritedDescriptors();
  CheckFailures();
  CheckBackOff();
  CheckStop();
  CheckFlood();
  CheckOpening();
  CheckOpeningWithout();
  CheckLoads();
  CheckLoadBesideRun();
  CheckLoadBesideStop();
  CheckResidents();
  CheckCloseDuringLoad();
  CheckClosed();
  SLUICE_CHECK(folder.ScratchFolders() == 0);
  CheckStopOfShortRun();
  CheckGrandchild();
  CheckDeathOfParent(executable);
  SLUICE_CHECK(!HasChildren());
  SLUICE_CHECK(OpenDescriptors() == descriptors);
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 2) return DieDuringRun(arguments[1]);
  CheckEverything(arguments[0]);
  return sluice::testing::Finish();
}
