// The last line that a process wrote to its standard error: mostly why it died.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_LAST_WORDS_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_LAST_WORDS_HPP_

#include <mutex>
#include <string>

#include "native/devices/remote/file_descriptor.hpp"

namespace sluice::remote {

// Reads a pipe so that its writer is never held up for long, and keeps little of it. Thread-safe.
class LastWords {
 public:
  LastWords() = default;

  // `pipe` must not block. Called once, before anything else.
  void Listen(FileDescriptor pipe) { pipe_ = std::move(pipe); }

  int descriptor() const { return pipe_.get(); }

  // Takes what has been written so far.
  void Drain();

  // The last line that was not empty, in printable characters; empty when there was none.
  std::string Line();

 private:
  void Take(std::string_view text);

  std::mutex mutex_;
  FileDescriptor pipe_;
  std::string line_;
  std::string rest_;
};

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_LAST_WORDS_HPP_
