#include "native/devices/remote/last_words.hpp"

#include <cerrno>

#include "native/devices/remote/message.hpp"

namespace sluice::remote {
namespace {

// More than a pipe holds: a process that writes without end does not hold up who waits for it.
constexpr int kReadsMax = 32;

}  // namespace

void LastWords::Drain() {
  const std::lock_guard<std::mutex> lock(mutex_);
  char buffer[4096];
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const ssize_t count = ::read(pipe_.get(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    Take(std::string_view(buffer, static_cast<std::size_t>(count)));
  }
}

std::string LastWords::Line() {
  Drain();
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string rest = OneLine(rest_);
  return rest.empty() ? line_ : rest;
}

void LastWords::Take(std::string_view text) {
  for (const char character : text) {
    if (character != '\n') {
      if (rest_.size() < kTextBytesMax) rest_.push_back(character);
      continue;
    }
    std::string line = OneLine(rest_);
    if (!line.empty()) line_ = std::move(line);
    rest_.clear();
  }
}

}  // namespace sluice::remote
