// The configurations of hls/config by their names.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_KNOWN_HARDWARE_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_KNOWN_HARDWARE_HPP_

#include <string>
#include <string_view>

#include "native/core/hardware.hpp"
#include "native/core/status.hpp"

namespace sluice::remote {

// kDeviceUnavailable names those that exist.
Status FindHardware(std::string_view configuration, Hardware* hardware);

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_KNOWN_HARDWARE_HPP_
