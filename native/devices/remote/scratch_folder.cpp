#include "native/devices/remote/scratch_folder.hpp"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace sluice::remote {

Status ScratchFolder::Create() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string name = (parent / "sluice-device-XXXXXX").string();
  if (error || ::mkdtemp(name.data()) == nullptr) {
    return Status{StatusCode::kDeviceUnavailable,
                  "NPU: cannot make a temporary folder " + name + ": " +
                      (error ? error.message() : std::string(std::strerror(errno)))};
  }
  path_ = std::move(name);
  return Ok();
}

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  // What cannot be removed is left to the system's own cleaning.
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace sluice::remote
