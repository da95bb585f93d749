#include "native/addon/lane.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <utility>

#include "native/addon/errors.hpp"

namespace sluice::addon {
namespace {

// What work gets to end when the environment does.
constexpr std::chrono::seconds kEndGrace{1};

Status Closed() { return Status{StatusCode::kEngineFailed, "lane: it is closed"}; }

}  // namespace

// What the thread sees, which may outlive the lane.
struct Lane::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<LaneWork*> waiting;
  LaneWork* running = nullptr;
  bool is_closing = false;
  bool has_ended = false;
  // Null once nobody listens any more.
  Channel* channel = nullptr;
};

std::shared_ptr<Lane> Lane::Create(Napi::Env env) {
  const std::shared_ptr<Lane> lane(new Lane(env));
  lane->Open();
  return lane;
}

Lane::~Lane() { Shutdown(); }

void Lane::Open() {
  channel_ = Channel::New(env_, "sluice-lane", 0, 1, this);
  channel_.Unref(env_);
  // Hooks run last in, first out: this one ends the thread while the channel still stands.
  end_hook_ = Napi::Env(env_).AddCleanupHook(&Lane::OnEnvironmentEnd, this);
  shared_ = std::make_shared<Shared>();
  shared_->channel = &channel_;
  try {
    thread_ = std::thread([shared = shared_] { Loop(shared); });
  } catch (const std::system_error& error) {
    Shutdown();
    ThrowUnlessOk(env_, Status{StatusCode::kEngineFailed,
                               std::string("lane: there is no thread for it: ") + error.what()});
  }
}

void Lane::Loop(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return shared->is_closing || !shared->waiting.empty(); });
    if (shared->waiting.empty()) break;
    LaneWork* const work = shared->waiting.front();
    shared->waiting.pop_front();
    shared->running = work;
    lock.unlock();
    work->Run();
    lock.lock();
    shared->running = nullptr;
    // From here on the work is the environment's again.
    if (shared->channel != nullptr) shared->channel->NonBlockingCall(work);
  }
  shared->has_ended = true;
  if (shared->channel != nullptr) shared->channel->NonBlockingCall(nullptr);
  shared->changed.notify_all();
}

void Lane::CallJs(Napi::Env env, Napi::Function, Lane* lane, LaneWork* work) {
  // Without an environment the lane may be gone already.
  if (static_cast<napi_env>(env) == nullptr) return;
  if (work == nullptr) {
    lane->Ended();
  } else {
    lane->Settle(work);
  }
}

Status Lane::Submit(std::unique_ptr<LaneWork> work) {
  if (is_shut_down_ || closing_lane_ != nullptr) return Closed();
  LaneWork* const submitted = work.get();
  pending_.emplace(submitted, Pending{std::move(work), shared_from_this()});
  UpdateKeepAlive();
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->waiting.push_back(submitted);
  }
  shared_->changed.notify_all();
  return Ok();
}

void Lane::Terminate() {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->running != nullptr) {
    shared_->running->Terminate();
  } else if (!shared_->waiting.empty()) {
    // The thread has not yet woken up to it.
    shared_->waiting.front()->Terminate();
  }
}

Status Lane::Close(Napi::Function callback) {
  if (is_shut_down_ || closing_lane_ != nullptr) return Closed();
  closing_ = Napi::Persistent(callback);
  closing_lane_ = shared_from_this();
  UpdateKeepAlive();
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->is_closing = true;
  }
  shared_->changed.notify_all();
  return Ok();
}

void Lane::Settle(LaneWork* work) {
  const auto entry = pending_.find(work);
  if (entry == pending_.end()) return;
  const Pending settled = std::move(entry->second);
  pending_.erase(entry);
  UpdateKeepAlive();
  settled.work->Settle(env_);
}

void Lane::Ended() {
  const Napi::FunctionReference callback = std::move(closing_);
  const std::shared_ptr<Lane> held = std::move(closing_lane_);
  Shutdown();
  if (!callback.IsEmpty()) callback.Call({});
}

void Lane::OnEnvironmentEnd(Lane* lane) {
  // Clearing what is pending may drop the last reference to the lane.
  const std::shared_ptr<Lane> held = lane->shared_from_this();
  lane->end_hook_ = EndHook();
  lane->Shutdown();
}

void Lane::Shutdown() {
  if (is_shut_down_) return;
  is_shut_down_ = true;
  LaneWork* left = nullptr;
  if (thread_.joinable()) {
    std::unique_lock lock(shared_->mutex);
    shared_->channel = nullptr;
    shared_->is_closing = true;
    shared_->waiting.clear();
    if (shared_->running != nullptr) shared_->running->Terminate();
    shared_->changed.notify_all();
    shared_->changed.wait_for(lock, kEndGrace, [this] { return shared_->has_ended; });
    left = shared_->running;
    lock.unlock();
    if (left == nullptr) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }
  if (left != nullptr) {
    // Its thread still works on it.
    static_cast<void>(pending_.at(left).work.release());
  }
  if (!end_hook_.IsEmpty()) end_hook_.Remove(env_);
  channel_.Abort();
  pending_.clear();
  closing_.Reset();
  closing_lane_.reset();
}

void Lane::UpdateKeepAlive() {
  const bool keep = !pending_.empty() || closing_lane_ != nullptr;
  if (keep == is_kept_alive_ || is_shut_down_) return;
  is_kept_alive_ = keep;
  if (keep) {
    channel_.Ref(env_);
  } else {
    channel_.Unref(env_);
  }
}

}  // namespace sluice::addon
