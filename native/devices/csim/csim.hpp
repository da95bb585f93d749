// The C simulation: the sources of hls/, compiled as they are for this computer's processor.
#ifndef SLUICE_NATIVE_DEVICES_CSIM_CSIM_HPP_
#define SLUICE_NATIVE_DEVICES_CSIM_CSIM_HPP_

#include <memory>
#include <string_view>

#include "native/core/device.hpp"
#include "native/core/status.hpp"

namespace sluice {

// Opens the C simulation of a configuration of hls/config by its name. kDeviceUnavailable names
// those that exist. Its units run one after the other, in program order; Run looks at `stop`
// between instructions. Two programs never see each other's data.
Status OpenCsim(std::string_view configuration, std::unique_ptr<Device>* device);

}  // namespace sluice

#endif  // SLUICE_NATIVE_DEVICES_CSIM_CSIM_HPP_
