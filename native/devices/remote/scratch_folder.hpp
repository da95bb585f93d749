// A private folder for one process's temporary files.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_SCRATCH_FOLDER_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_SCRATCH_FOLDER_HPP_

#include <string>

#include "native/core/status.hpp"

namespace sluice::remote {

// Removed, with what is in it, on destruction.
class ScratchFolder {
 public:
  ScratchFolder() = default;
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // In the system's folder for temporary files, for this user only. Codes: kDeviceUnavailable.
  Status Create();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_SCRATCH_FOLDER_HPP_
