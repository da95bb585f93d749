#include "native/devices/xrt/xrt_location.hpp"

#include <dlfcn.h>
#include <stdlib.h>
#include <xrt/xrt_device.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace sluice::xrt_device {
namespace {

constexpr const char* kVariable = "XILINX_XRT";

bool HoldsXrt(const std::filesystem::path& folder) {
  std::error_code error;
  return std::filesystem::exists(folder / "lib" / "libxrt_core.so.2", error);
}

// The folder of the library that defines a function of XRT's.
std::filesystem::path LibraryFolder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&::xrtDeviceOpen), &info) == 0) return {};
  return std::filesystem::path(info.dli_fname).parent_path();
}

}  // namespace

Status LocateXrt(const std::string& scratch_folder) {
  const char* configured = ::getenv(kVariable);
  if (configured != nullptr && HoldsXrt(configured)) return Ok();
  const std::filesystem::path folder = LibraryFolder();
  std::error_code error;
  std::filesystem::create_directory_symlink(folder, scratch_folder + "/lib", error);
  if (error || !HoldsXrt(scratch_folder)) {
    return Status{StatusCode::kDeviceUnavailable,
                  "XRT: no libxrt_core.so.2 beside " + folder.string() +
                      "/libxrt_coreutil.so.2; set XILINX_XRT to the folder of your XRT"};
  }
  if (::setenv(kVariable, scratch_folder.c_str(), 1) == 0) return Ok();
  return Status{StatusCode::kDeviceUnavailable,
                std::string("XRT: cannot set XILINX_XRT: ") + std::strerror(errno)};
}

}  // namespace sluice::xrt_device
