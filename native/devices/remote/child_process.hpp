// A child process in a process group of its own: started without a shell, ended with everything it
// has started, never left as a zombie.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_CHILD_PROCESS_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_CHILD_PROCESS_HPP_

#include <sys/types.h>

#include <chrono>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "native/core/status.hpp"
#include "native/devices/remote/last_words.hpp"

namespace sluice::remote {

struct ChildOptions {
  std::string executable;
  // Without the executable itself.
  std::vector<std::string> arguments;
  // All of it, as NAME=value.
  std::vector<std::string> environment;
  // They become descriptors 3, 4 and so on of the child, which has no others than these and the
  // standard ones. Each must be above them all.
  std::vector<int> descriptors;
};

class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Once, before anything else. Codes: kDeviceUnavailable.
  Status Start(const ChildOptions& options);

  // Waits that long for the process to end by itself, then kills it; says how it ended and its last
  // words. Later calls say the same at once. Thread-safe.
  std::string End(std::chrono::milliseconds grace);

  LastWords& last_words() { return last_words_; }

 private:
  bool HasEnded(std::chrono::milliseconds patience) const;
  void KillGroup() const;
  std::string HowItEnded() const;

  std::mutex mutex_;
  pid_t pid_ = -1;
  std::string ending_;
  LastWords last_words_;
};

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_CHILD_PROCESS_HPP_
