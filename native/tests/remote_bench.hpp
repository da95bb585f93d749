// A device process for the tests, and what it may have left behind.
#ifndef SLUICE_NATIVE_TESTS_REMOTE_BENCH_HPP_
#define SLUICE_NATIVE_TESTS_REMOTE_BENCH_HPP_

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "native/devices/remote/remote_device.hpp"
#include "native/tests/misbehaving_device.hpp"

namespace sluice::testing {

// A temporary folder that is this process's TMPDIR as long as it lives.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string File(const char* name) const { return (path_ / name).string(); }
  // Scratch folders of device processes.
  std::size_t ScratchFolders() const;

 private:
  std::filesystem::path path_;
};

// For the misbehaving device opened with `image`.
remote::DeviceProcessOptions MisbehavingOptions(const std::string& image);

// Two instructions and 32 bytes of weights; the last byte of each is `mark`. 16 bytes in and out.
Program MarkedProgram(std::uint8_t mark);

std::size_t OpenDescriptors();
// Children of this process that run or have not been waited for.
bool HasChildren();
// The number in a file, once it is there and another than `old`.
int WaitForPid(const std::string& path, int old = 0);
// Whether the process is gone, or will be in a second; a zombie of somebody else's counts as gone.
bool WaitUntilGone(int pid);

}  // namespace sluice::testing

#endif  // SLUICE_NATIVE_TESTS_REMOTE_BENCH_HPP_
