// What EXECUTE does for LOAD and STORE in every clock: it owns the memories, and their data come
// and go through streams.
#ifndef SLUICE_HLS_NPU_DATAFLOW_SERVICE_HPP_
#define SLUICE_HLS_NPU_DATAFLOW_SERVICE_HPP_

#include <cstdint>

#include "hls/execute/execute.hpp"
#include "hls/isa/generated/instructions.hpp"
#include "hls/memories.hpp"
#include "hls/npu/dataflow/elements.hpp"
#include "hls/portability.hpp"
#include "hls/transfer/beats.hpp"
#include "hls/transfer/store_walk.hpp"

namespace sluice {

// Takes at most one element from LOAD and gives at most one word to STORE in a clock, through
// memory ports that EXECUTE leaves free in it. It holds no stream: they are arguments.
template <class Configuration>
class StreamService {
 public:
  template <class LoadedStream, class StoreCommands, class StoredStream>
  void Advance(Scratchpads<Configuration>& memories, const PortUse<Configuration>& use,
               LoadedStream& loaded, StoreCommands& store_commands, StoredStream& stored) {
    HLS_INLINE
    PortUse<Configuration> rest = use;
    TakeLoaded(memories, rest, loaded);
    GiveStored(memories, rest, store_commands, stored);
  }

  // A clock in which EXECUTE itself waits.
  template <class... Streams>
  void Wait(Scratchpads<Configuration>& memories, Streams&... streams) {
    HLS_INLINE
    Advance(memories, IdlePorts<Configuration>(), streams...);
  }

  // Takes a token of LOAD's if one has come.
  bool TryTakeToken() {
    HLS_INLINE
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

  // LOAD and STORE need nothing more.
  bool Ended() const {
    HLS_INLINE
    return load_ended_ && store_ended_;
  }

 private:
  bool PortFree(const PortUse<Configuration>& use) const {
    HLS_INLINE
    if (held_.loaded.memory == isa::Memory::kActivation) {
      return !use.activation.enabled[held_.loaded.index];
    }
    return held_.loaded.memory != isa::Memory::kTable || !use.tables;
  }

  template <class LoadedStream>
  void TakeLoaded(Scratchpads<Configuration>& memories, PortUse<Configuration>& use,
                  LoadedStream& loaded) {
    HLS_INLINE
    if (!holds_) holds_ = loaded.TryRead(held_);
    if (!holds_) return;
    if (held_.kind == LoadedKind::kBeat) {
      if (!PortFree(use)) return;
      WriteBeat<Configuration>(held_.loaded, memories);
      if (held_.loaded.memory == isa::Memory::kActivation) {
        use.activation.enabled[held_.loaded.index] = true;
      }
      holds_ = false;
    } else if (held_.kind == LoadedKind::kEnd) {
      load_ended_ = true;
      holds_ = false;
    } else if (tokens_ < isa::kTokenQueueDepth) {
      ++tokens_;
      holds_ = false;
    }
  }

  template <class StoreCommands, class StoredStream>
  void GiveStored(const Scratchpads<Configuration>& memories, const PortUse<Configuration>& use,
                  StoreCommands& store_commands, StoredStream& stored) {
    HLS_INLINE
    if (!walk_.active) {
      StoreCommand command;
      if (!store_commands.TryRead(command)) return;
      store_ended_ = command.ends;
      if (command.ends) return;
      walk_ = BeginStoreWalk(command.request);
    }
    if (use.activation.enabled[walk_.bank] || !stored.HasRoom()) return;
    Beat<Configuration> beat;
    CopyLanes(memories.activation[walk_.bank][walk_.line], beat);
    stored.Write(beat);
    NextStoreWord<Configuration>(walk_);
  }

  // An element that waits for its port, or for room among the tokens.
  LoadedElement<Configuration> held_{};
  bool holds_ = false;
  std::uint32_t tokens_ = 0;
  StoreWalk walk_{};
  bool load_ended_ = false;
  bool store_ended_ = false;
};

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_DATAFLOW_SERVICE_HPP_
