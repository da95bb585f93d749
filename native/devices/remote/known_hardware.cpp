#include "native/devices/remote/known_hardware.hpp"

#include "hls/config/generated/configurations.hpp"

namespace sluice::remote {

Status FindHardware(std::string_view configuration, Hardware* hardware) {
  std::string known;
#define SLUICE_TAKE_IF_NAMED(Configuration)    \
  if (configuration == Configuration::kName) { \
    *hardware = HardwareOf<Configuration>();   \
    return Ok();                               \
  }                                            \
  known += std::string(known.empty() ? "" : ", ") + Configuration::kName;
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_TAKE_IF_NAMED)
#undef SLUICE_TAKE_IF_NAMED
  return Status{StatusCode::kDeviceUnavailable,
                "NPU: no configuration \"" + std::string(configuration) + "\"; there are " + known};
}

}  // namespace sluice::remote
