// Every named limit between a program and the process that holds its device.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_REMOTE_LIMITS_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_REMOTE_LIMITS_HPP_

#include <chrono>
#include <cstddef>

namespace sluice::remote {

// How long the device's process may take. A board takes seconds to be configured.
struct RemoteTimeouts {
  std::chrono::milliseconds start{30'000};
  std::chrono::milliseconds load{30'000};
  // One item. NpuProgram.run() has a time limit of its own, usually a shorter one.
  std::chrono::milliseconds run{60'000};
};

// What a stopped run may still take before the process is killed; most runs end within it, and a
// process that goes on keeps its programs.
constexpr std::chrono::milliseconds kStopGrace{50};
// What a process may take to end once its sockets are closed, and once it is killed.
constexpr std::chrono::milliseconds kExitGrace{500};
constexpr std::chrono::milliseconds kKillGrace{1'000};
// How often a wait looks at what may stop it.
constexpr std::chrono::milliseconds kPollInterval{5};

// The second failure in a row delays the next start by this, each further one by twice as much.
constexpr std::chrono::milliseconds kRestartDelay{100};
constexpr std::chrono::milliseconds kRestartDelayMax{10'000};

// A reason, a configuration's name or a line of the process in one message.
constexpr std::size_t kTextBytesMax = 512;
// Programs of one device that are resident at a time.
constexpr std::size_t kResidentProgramsMax = 256;
// How often a load is tried whose process another thread's stopped run has taken with it.
constexpr int kLoadTriesMax = 3;

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_REMOTE_LIMITS_HPP_
