// The simulator as a device library, to be compared with the simulator in the test's own process.
#include "native/devices/remote/device_library.hpp"
#include "native/devices/simulator/simulator.hpp"

SLUICE_DEVICE_LIBRARY(parameters, status, device) {
  *status = sluice::OpenSimulator(parameters.configuration, {}, device);
}
