// Memory that two processes see, without a name in any file system.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_SHARED_MEMORY_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_SHARED_MEMORY_HPP_

#include <cstddef>
#include <cstdint>
#include <span>

#include "native/core/status.hpp"
#include "native/devices/remote/file_descriptor.hpp"

namespace sluice::remote {

// A mapping of a whole memory.
class SharedMemory {
 public:
  SharedMemory() = default;
  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;

  // New memory of zeros. Its size is sealed, so that no process can take pages away from under
  // another. Codes: kDeviceFault.
  static Status Create(std::size_t bytes, SharedMemory* memory);

  // Maps a memory that another process made. It must be sealed and have exactly `bytes`; else
  // kDeviceFault says what it is.
  static Status Open(FileDescriptor descriptor, std::size_t bytes, SharedMemory* memory);

  int descriptor() const { return descriptor_.get(); }
  std::span<std::uint8_t> bytes() const { return {data_, size_}; }

 private:
  Status Map(FileDescriptor descriptor, std::size_t bytes);

  FileDescriptor descriptor_;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_SHARED_MEMORY_HPP_
