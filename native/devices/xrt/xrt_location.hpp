// Where XRT looks for its own libraries.
#ifndef SLUICE_NATIVE_DEVICES_XRT_XRT_LOCATION_HPP_
#define SLUICE_NATIVE_DEVICES_XRT_XRT_LOCATION_HPP_

#include <string>

#include "native/core/status.hpp"

namespace sluice::xrt_device {

// XRT loads $XILINX_XRT/lib/libxrt_core.so.2. Debian's package has it in the system's library
// folder and sets no such variable, so where XILINX_XRT leads nowhere it is set to
// `scratch_folder`, with a link from there to the folder that this process's XRT came from. Codes:
// kDeviceUnavailable.
Status LocateXrt(const std::string& scratch_folder);

}  // namespace sluice::xrt_device

#endif  // SLUICE_NATIVE_DEVICES_XRT_XRT_LOCATION_HPP_
