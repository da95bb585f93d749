// What native/tests/misbehaving_device.cpp does on command.
#ifndef SLUICE_NATIVE_TESTS_MISBEHAVING_DEVICE_HPP_
#define SLUICE_NATIVE_TESTS_MISBEHAVING_DEVICE_HPP_

#include <cstdint>

namespace sluice::testing {

// The first byte of a run's input. The second byte is what a good run answers with.
enum class RunCommand : std::uint8_t {
  kAnswer,
  kAnswerSoon,
  kRefuse,
  kHang,
  kCrash,
  kExit,
  kThrow,
  kSendGarbage,
  kSendTruncated,
  kSendTooMuch,
  kSendOtherAnswer,
  kSendBadStatus,
  kSendDescriptors,
  kFloodStandardError,
  kStartGrandchildAndHang,
  kCloseSocketsAndHang,
};

// The image that the device is opened with. Others open it; "hang-on-load", "refuse-load" and
// "slow-load" then do so.
constexpr const char* kOpenRefuse = "refuse";
constexpr const char* kOpenExit = "exit";
constexpr const char* kOpenHang = "hang";
constexpr const char* kOpenThrow = "throw";
constexpr const char* kOpenGarbage = "garbage";
constexpr const char* kOpenOtherHardware = "other-hardware";
constexpr const char* kLoadHang = "hang-on-load";
constexpr const char* kLoadSlow = "slow-load";
constexpr const char* kLoadRefuse = "refuse-load";

// A good run tells in its output's fourth byte whether this descriptor is open.
constexpr int kForgottenDescriptor = 50;

// The environment variable that names a file for the process's number.
constexpr const char* kPidFileVariable = "SLUICE_TEST_PID_FILE";

}  // namespace sluice::testing

#endif  // SLUICE_NATIVE_TESTS_MISBEHAVING_DEVICE_HPP_
