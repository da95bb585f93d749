#include "native/tests/remote_bench.hpp"

#include <stdlib.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

namespace sluice::testing {
namespace {

constexpr int kTries = 3000;

void Pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

bool IsGone(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  // "pid (name) state ..."; a name may contain anything.
  const std::size_t end = text.rfind(')');
  return end == std::string::npos || text.at(end + 2) == 'Z';
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
  path_ = ::mkdtemp(name.data());
  ::setenv("TMPDIR", path_.c_str(), 1);
}

TemporaryFolder::~TemporaryFolder() {
  ::unsetenv("TMPDIR");
  std::filesystem::remove_all(path_);
}

std::size_t TemporaryFolder::ScratchFolders() const {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    count += entry.is_directory() ? 1 : 0;
  }
  return count;
}

remote::DeviceProcessOptions MisbehavingOptions(const std::string& image) {
  remote::DeviceProcessOptions options;
  options.host = SLUICE_TEST_HOST;
  options.library = SLUICE_TEST_MISBEHAVING_DEVICE;
  options.configuration = "ci";
  options.image = image;
  // ThreadSanitizer would hold up every exit for a second.
  options.environment = {"TSAN_OPTIONS=atexit_sleep_ms=0"};
  // What is to answer takes a while under a sanitizer on a busy machine; a hang has less.
  options.timeouts.load = std::chrono::milliseconds(20'000);
  options.timeouts.run = std::chrono::milliseconds(20'000);
  return options;
}

Program MarkedProgram(std::uint8_t mark) {
  Program program;
  program.instructions.resize(2);
  program.instructions.back().word[3] = mark;
  program.weights.resize(32);
  program.weights.back() = mark;
  program.input_bytes = 16;
  program.output_bytes = 16;
  return program;
}

std::size_t OpenDescriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

bool HasChildren() { return ::waitid(P_ALL, 0, nullptr, WEXITED | WNOHANG | WNOWAIT) == 0; }

int WaitForPid(const std::string& path, int old) {
  for (int tries = 0; tries < kTries; ++tries) {
    int pid = 0;
    std::ifstream file(path);
    if (file >> pid && pid != old) return pid;
    Pause();
  }
  return 0;
}

bool WaitUntilGone(int pid) {
  for (int tries = 0; tries < kTries; ++tries) {
    if (IsGone(pid)) return true;
    Pause();
  }
  return false;
}

}  // namespace sluice::testing
