// What a shared object that holds a device exports, for native/host to load. Both come from one
// build, so C++ objects cross the border.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_DEVICE_LIBRARY_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_DEVICE_LIBRARY_HPP_

#include <cstdint>
#include <memory>
#include <string>

#include "native/core/device.hpp"

namespace sluice::remote {

// Which device to open.
struct DeviceParameters {
  // A configuration of hls/config by its name.
  std::string configuration;
  // What the board is configured with, such as an xclbin; may be empty.
  std::string image;
  std::uint32_t index = 0;
  // An empty folder of the process's own, removed when it has ended.
  std::string scratch_folder;
};

// Opens a device: `status`, and `device` when it is ok. Called once, before
// any other thread reads the environment.
using OpenDevice = void(const DeviceParameters& parameters, Status* status,
                        std::unique_ptr<Device>* device);
constexpr const char* kOpenDeviceName = "sluice_open_device";

}  // namespace sluice::remote

// The shared object's definition of it.
#define SLUICE_DEVICE_LIBRARY(parameters, status, device)                             \
  extern "C" __attribute__((visibility("default"))) void sluice_open_device(          \
      const ::sluice::remote::DeviceParameters& parameters, ::sluice::Status* status, \
      std::unique_ptr<::sluice::Device>* device)

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_DEVICE_LIBRARY_HPP_
