// The NPU on this computer's processor: the sources of hls/, compiled as they are.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_SIMULATOR_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_SIMULATOR_HPP_

#include <memory>
#include <string_view>

#include "native/core/device.hpp"
#include "native/core/status.hpp"

namespace sluice {

// Opens the simulation of a configuration of hls/config by its name. kDeviceUnavailable names those
// that exist.
Status OpenSimulator(std::string_view configuration, std::unique_ptr<Device>* device);

}  // namespace sluice

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_SIMULATOR_HPP_
