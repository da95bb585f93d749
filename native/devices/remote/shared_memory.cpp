#include "native/devices/remote/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace sluice::remote {
namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Status Failed(const char* what, std::size_t bytes) {
  return Status{StatusCode::kDeviceFault, std::string("NPU: shared memory of ") +
                                              std::to_string(bytes) + " bytes: " + what + ": " +
                                              std::strerror(errno)};
}

}  // namespace

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : descriptor_(std::move(other.descriptor_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Status SharedMemory::Create(std::size_t bytes, SharedMemory* memory) {
  FileDescriptor descriptor(::memfd_create("sluice-npu", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!descriptor.valid()) return Failed("memfd_create", bytes);
  if (::ftruncate(descriptor.get(), static_cast<off_t>(bytes)) != 0) {
    return Failed("ftruncate", bytes);
  }
  if (::fcntl(descriptor.get(), F_ADD_SEALS, kSizeSeals) != 0) return Failed("sealing", bytes);
  return memory->Map(std::move(descriptor), bytes);
}

Status SharedMemory::Open(FileDescriptor descriptor, std::size_t bytes, SharedMemory* memory) {
  struct stat found {};
  if (::fstat(descriptor.get(), &found) != 0) return Failed("fstat", bytes);
  const int seals = ::fcntl(descriptor.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSizeSeals) != kSizeSeals ||
      found.st_size != static_cast<off_t>(bytes)) {
    return Status{StatusCode::kDeviceFault, "NPU: shared memory has " +
                                                std::to_string(found.st_size) +
                                                " bytes or an open size; " + std::to_string(bytes) +
                                                " and a sealed one expected"};
  }
  return memory->Map(std::move(descriptor), bytes);
}

Status SharedMemory::Map(FileDescriptor descriptor, std::size_t bytes) {
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
  if (data == MAP_FAILED) return Failed("mmap", bytes);
  descriptor_ = std::move(descriptor);
  data_ = static_cast<std::uint8_t*>(data);
  size_ = bytes;
  return Ok();
}

}  // namespace sluice::remote
