// A file descriptor that closes itself.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_FILE_DESCRIPTOR_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_FILE_DESCRIPTOR_HPP_

#include <unistd.h>

#include <utility>

namespace sluice::remote {

// Owns one descriptor; -1 is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int value) : value_(value) {}
  ~FileDescriptor() { Close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      Close();
      value_ = std::exchange(other.value_, -1);
    }
    return *this;
  }

  int get() const { return value_; }
  bool valid() const { return value_ >= 0; }

 private:
  void Close() {
    if (value_ >= 0) ::close(value_);
  }

  int value_ = -1;
};

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_FILE_DESCRIPTOR_HPP_
