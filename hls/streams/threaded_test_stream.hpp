// The channel of VendorStream for processes that are threads: bounded and blocking, so that a C
// simulation shows deadlocks and overtaking that an unbounded queue hides.
#ifndef SLUICE_HLS_STREAMS_THREADED_TEST_STREAM_HPP_
#define SLUICE_HLS_STREAMS_THREADED_TEST_STREAM_HPP_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>

namespace sluice {
namespace testing {

template <class Element, std::uint32_t Depth>
class ThreadedStream {
 public:
  Element Read() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !elements_.empty(); });
    const Element element = elements_.front();
    elements_.pop_front();
    changed_.notify_all();
    return element;
  }

  void Write(const Element& element) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return elements_.size() < Depth; });
    elements_.push_back(element);
    changed_.notify_all();
  }

  // A process that finds nothing lets the others run.
  bool TryRead(Element& element) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (elements_.empty()) {
      lock.unlock();
      std::this_thread::yield();
      return false;
    }
    element = elements_.front();
    elements_.pop_front();
    changed_.notify_all();
    return true;
  }

  bool HasRoom() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return elements_.size() < Depth;
  }

  bool IsEmpty() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return elements_.empty();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Element> elements_;
};

}  // namespace testing
}  // namespace sluice

#endif  // SLUICE_HLS_STREAMS_THREADED_TEST_STREAM_HPP_
