// A thread of one JavaScript environment for work that blocks, one piece after the other.
#ifndef SLUICE_NATIVE_ADDON_LANE_HPP_
#define SLUICE_NATIVE_ADDON_LANE_HPP_

#include <napi.h>

#include <memory>
#include <thread>
#include <unordered_map>

#include "native/core/status.hpp"

namespace sluice::addon {

// A piece of work. It is made and destroyed on the environment's thread.
class LaneWork {
 public:
  virtual ~LaneWork() = default;
  // On the lane's thread.
  virtual void Run() = 0;
  // From any thread, before or while Run goes on: it shall end soon, nobody waits for it any more.
  virtual void Terminate() {}
  // On the environment's thread, after Run.
  virtual void Settle(Napi::Env env) = 0;
};

// All members run on the environment's thread. Work under way keeps the lane and the event loop
// alive; an idle lane keeps neither. When the environment ends, or the last handle is collected,
// the work is told to end; a thread that does not within a second is left behind with it, which is
// for the main thread alone: memory of a worker's environment goes with that. process.exit() tells
// nothing of an end: close lanes first.
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  // Throws a SluiceError when there is no thread to be had.
  static std::shared_ptr<Lane> Create(Napi::Env env);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // kEngineFailed for a lane that is closed.
  Status Submit(std::unique_ptr<LaneWork> work);

  // What runs now, or is about to, shall end soon.
  void Terminate();

  // `callback()` is called when all work is settled and the thread has ended.
  Status Close(Napi::Function callback);

 private:
  struct Shared;
  struct Pending {
    std::unique_ptr<LaneWork> work;
    std::shared_ptr<Lane> lane;
  };
  static void CallJs(Napi::Env env, Napi::Function unused, Lane* lane, LaneWork* work);
  using Channel = Napi::TypedThreadSafeFunction<Lane, LaneWork, &Lane::CallJs>;
  static void OnEnvironmentEnd(Lane* lane);
  using EndHook = Napi::Env::CleanupHook<void (*)(Lane*), Lane>;

  explicit Lane(Napi::Env env) : env_(env) {}
  void Open();
  static void Loop(const std::shared_ptr<Shared>& shared);
  void Settle(LaneWork* work);
  void Ended();
  void Shutdown();
  void UpdateKeepAlive();

  const Napi::Env env_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
  Channel channel_;
  EndHook end_hook_;
  std::unordered_map<LaneWork*, Pending> pending_;
  Napi::FunctionReference closing_;
  std::shared_ptr<Lane> closing_lane_;
  bool is_kept_alive_ = false;
  bool is_shut_down_ = false;
};

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_LANE_HPP_
