#include "native/devices/simulator/fork_join.hpp"

namespace sluice::simulator {

ForkJoin::ForkJoin(unsigned threads) {
  try {
    for (unsigned worker = 1; worker < threads; ++worker) {
      helpers_.emplace_back([this, worker] { HelperMain(worker); });
    }
  } catch (...) {
    // A destructor does not run for what was never constructed.
    StopHelpers();
    throw;
  }
}

ForkJoin::~ForkJoin() { StopHelpers(); }

void ForkJoin::StopHelpers() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  begun_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ForkJoin::DoItems(const Job& job, unsigned worker) {
  for (;;) {
    if (job.stop->load(std::memory_order_relaxed)) return;
    const std::uint64_t item = next_item_.fetch_add(1, std::memory_order_relaxed);
    if (item >= job.count) return;
    (*job.body)(item, worker);
  }
}

void ForkJoin::Run(std::uint64_t count, bool alone, const std::atomic<bool>& stop,
                   const Body& body) {
  const Job job{&body, &stop, count};
  // The helpers of the last job are done, so nobody else reads this.
  next_item_.store(0, std::memory_order_relaxed);
  if (alone || helpers_.empty() || count < 2) return DoItems(job, 0);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    job_ = job;
    ++generation_;
    helpers_at_work_ = static_cast<unsigned>(helpers_.size());
  }
  begun_.notify_all();
  DoItems(job, 0);
  std::unique_lock<std::mutex> lock(mutex_);
  ended_.wait(lock, [this] { return helpers_at_work_ == 0; });
}

void ForkJoin::HelperMain(unsigned worker) {
  std::uint64_t seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    begun_.wait(lock, [this, seen] { return closing_ || generation_ != seen; });
    if (closing_) return;
    seen = generation_;
    const Job job = job_;
    lock.unlock();
    DoItems(job, worker);
    lock.lock();
    if (--helpers_at_work_ == 0) ended_.notify_one();
  }
}

}  // namespace sluice::simulator
