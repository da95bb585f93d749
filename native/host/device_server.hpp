// Answers for one device, on two sockets: runs on one, loads beside them on the other.
#ifndef SLUICE_NATIVE_HOST_DEVICE_SERVER_HPP_
#define SLUICE_NATIVE_HOST_DEVICE_SERVER_HPP_

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "native/core/device.hpp"
#include "native/devices/remote/channel.hpp"
#include "native/devices/remote/shared_memory.hpp"

namespace sluice::remote {

// Messages are taken for hostile: one that is not in order ends this process with a line that says
// what is wrong with it.
class DeviceServer {
 public:
  explicit DeviceServer(std::unique_ptr<Device> device) : device_(std::move(device)) {}

  // Serves one socket until its other end closes. One thread for each socket.
  void Serve(const Channel& channel);

 private:
  // A program on the device and the memory of its items: the input, then the output.
  struct Resident {
    std::shared_ptr<ResidentProgram> program;
    SharedMemory items;
  };

  void Handle(const Channel& channel, std::vector<FileDescriptor> descriptors, Message* message);
  Status Load(std::vector<FileDescriptor> descriptors, const Message& message);
  Status Run(Message* message);
  void Unload(std::uint64_t program);

  const std::unique_ptr<Device> device_;
  // Both sockets may ask for either; the device takes one call of a kind at a time.
  std::mutex loading_;
  std::mutex running_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Resident>> residents_;
};

// Says why on standard error and ends the process at once.
[[noreturn]] void Die(int exit_code, const std::string& reason);

constexpr int kExitUsage = 2;
constexpr int kExitInvalidMessage = 3;
constexpr int kExitDevice = 4;

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_HOST_DEVICE_SERVER_HPP_
