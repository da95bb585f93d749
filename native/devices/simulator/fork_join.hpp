// Threads that share the items of one loop and then wait for the next.
#ifndef SLUICE_NATIVE_DEVICES_SIMULATOR_FORK_JOIN_HPP_
#define SLUICE_NATIVE_DEVICES_SIMULATOR_FORK_JOIN_HPP_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::simulator {

class ForkJoin {
 public:
  // Does `item` with the help of `worker`, 0 to threads - 1; no two threads have the same worker at
  // a time.
  using Body = std::function<void(std::uint64_t item, unsigned worker)>;

  // The caller of Run is one of the threads. Throws std::system_error where a thread can't be had.
  explicit ForkJoin(unsigned threads);
  ~ForkJoin();
  ForkJoin(const ForkJoin&) = delete;
  ForkJoin& operator=(const ForkJoin&) = delete;

  unsigned threads() const { return static_cast<unsigned>(helpers_.size()) + 1; }

  // Does items 0 to count - 1, in any order, and returns when all are done. Items that have not
  // begun when `stop` is set are left out. `alone`: the caller does them all.
  void Run(std::uint64_t count, bool alone, const std::atomic<bool>& stop, const Body& body);

 private:
  struct Job {
    const Body* body = nullptr;
    const std::atomic<bool>* stop = nullptr;
    std::uint64_t count = 0;
  };

  void HelperMain(unsigned worker);
  void DoItems(const Job& job, unsigned worker);
  void StopHelpers();

  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable ended_;
  Job job_;
  std::uint64_t generation_ = 0;
  unsigned helpers_at_work_ = 0;
  bool closing_ = false;
  std::atomic<std::uint64_t> next_item_{0};
  std::vector<std::thread> helpers_;
};

}  // namespace sluice::simulator

#endif  // SLUICE_NATIVE_DEVICES_SIMULATOR_FORK_JOIN_HPP_
