#include "native/devices/remote/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "native/devices/remote/remote_limits.hpp"

namespace sluice::remote {
namespace {

constexpr int kFirstDescriptor = 3;

std::vector<char*> Pointers(std::vector<std::string>* texts) {
  std::vector<char*> pointers;
  for (std::string& text : *texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// posix_spawn's two structures, with what they own.
class SpawnSettings {
 public:
  SpawnSettings(const std::vector<int>& descriptors, int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    int target = kFirstDescriptor;
    for (const int descriptor : descriptors) {
      ::posix_spawn_file_actions_adddup2(&actions_, descriptor, target++);
    }
    ::posix_spawnattr_init(&attributes_);
    // A group of its own: a device's libraries may signal their whole group, and Ctrl-C in a
    // terminal must leave the ending to us.
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnSettings() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

Status CannotStart(const std::string& executable, int error) {
  return Status{StatusCode::kDeviceUnavailable,
                "NPU: cannot start " + executable + ": " + std::strerror(error)};
}

}  // namespace

ChildProcess::~ChildProcess() { End(std::chrono::milliseconds(0)); }

Status ChildProcess::Start(const ChildOptions& options) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return CannotStart(options.executable, errno);
  FileDescriptor output(ends[1]);
  last_words_.Listen(FileDescriptor(ends[0]));
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return CannotStart(options.executable, errno);
  std::vector<std::string> arguments = options.arguments;
  arguments.insert(arguments.begin(), options.executable);
  std::vector<std::string> environment = options.environment;
  const SpawnSettings settings(options.descriptors, output.get());
  const int error =
      ::posix_spawn(&pid_, options.executable.c_str(), settings.actions(), settings.attributes(),
                    Pointers(&arguments).data(), Pointers(&environment).data());
  if (error == 0) return Ok();
  pid_ = -1;
  return CannotStart(options.executable, error);
}

std::string ChildProcess::End(std::chrono::milliseconds grace) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (pid_ < 0) return ending_;
  const bool by_itself = HasEnded(grace);
  // The group's number stays taken until its leader is waited for, so this hits nobody else's.
  KillGroup();
  if (!by_itself && !HasEnded(kKillGrace)) {
    // A driver holds it. It ends, unwatched, when the driver lets go; the next call tries again.
    return "it was killed but does not end";
  }
  ending_ = by_itself ? HowItEnded() : "it was killed";
  const std::string words = last_words_.Line();
  if (!words.empty()) ending_ += "; its last words: " + words;
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return ending_;
}

bool ChildProcess::HasEnded(std::chrono::milliseconds patience) const {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    siginfo_t info{};
    const int outcome =
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    // An error: somebody else has waited for it.
    if ((outcome != 0 && errno != EINTR) || info.si_pid == pid_) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void ChildProcess::KillGroup() const { ::kill(-pid_, SIGKILL); }

std::string ChildProcess::HowItEnded() const {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return "it ended";
  }
  if (info.si_code == CLD_EXITED) return "it exited with code " + std::to_string(info.si_status);
  return "it was ended by signal " + std::to_string(info.si_status) + " (" +
         ::strsignal(info.si_status) + ")";
}

}  // namespace sluice::remote
