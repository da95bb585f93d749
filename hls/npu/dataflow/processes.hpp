// FETCH, LOAD, EXECUTE and STORE as concurrent processes. README.md has their streams and why they
// cannot lock each other up. Stream classes have the members of VendorStream.
#ifndef SLUICE_HLS_NPU_DATAFLOW_PROCESSES_HPP_
#define SLUICE_HLS_NPU_DATAFLOW_PROCESSES_HPP_

#include <cstdint>

#include "hls/execute/execute.hpp"
#include "hls/isa/geometry.hpp"
#include "hls/npu/admit.hpp"
#include "hls/npu/dataflow/elements.hpp"
#include "hls/npu/dataflow/service.hpp"
#include "hls/portability.hpp"
#include "hls/transfer/load.hpp"
#include "hls/transfer/store.hpp"

namespace sluice {

// Admits instructions in program order and hands each to its unit; stops all units at FINISH, at
// the first fault, or when there are no more.
template <class Configuration, class Commands, class Reports>
void FetchProcess(const isa::InstructionWords* instructions, std::uint32_t count,
                  const RegionSizes& sizes, Commands& to_load, Commands& to_execute,
                  Commands& to_store, Reports& reports) {
  TokenQueues tokens{0, 0, 0, 0};
  FetchReport report{Fault::kNone, 0, false};
  HLS_LABEL(fetch_instructions)
  for (std::uint32_t index = 0; index < count && !report.finished; ++index) {
    const Command command{instructions[index], false, 0, 0};
    TokenQueues moved = tokens;
    isa::Unit unit = isa::Unit::kLoad;
    report.fault = Admit<Configuration>(command.words, sizes, moved, unit);
    if (report.fault != Fault::kNone) break;
    tokens = moved;
    if (unit == isa::Unit::kLoad) to_load.Write(command);
    if (unit == isa::Unit::kExecute) to_execute.Write(command);
    if (unit == isa::Unit::kStore) to_store.Write(command);
    report.finished = isa::DecodeHeader(command.words).operation ==
                      static_cast<std::uint32_t>(isa::Operation::kFinish);
    ++report.instructions;
  }
  if (report.fault == Fault::kNone && !report.finished) report.fault = Fault::kUnfinished;
  const isa::InstructionWords none{};
  to_load.Write(Command{none, true, 0, tokens.execute_to_load});
  to_execute.Write(Command{none, true, tokens.load_to_execute, tokens.store_to_execute});
  to_store.Write(Command{none, true, tokens.execute_to_store, 0});
  reports.Write(report);
}

// Takes the tokens that nobody will.
template <class Tokens>
void DropTokens(std::uint32_t count, Tokens& tokens) {
  HLS_LABEL(drop_tokens)
  for (std::uint32_t index = 0; index < count; ++index) {
    HLS_PIPELINE(1)
    tokens.Read();
  }
}

// A sink at the other end of a stream.
struct StreamSink {
  template <class Configuration, class LoadedStream>
  static void Put(const LoadedBeat<Configuration>& beat, LoadedStream& loaded) {
    HLS_INLINE
    loaded.Write(LoadedElement<Configuration>{LoadedKind::kBeat, beat});
  }
};

template <class Configuration, class Commands, class Tokens, class LoadedStream, class Reports>
void LoadProcess(const Beat<Configuration>* weights, const Beat<Configuration>* input,
                 const Beat<Configuration>* arena, Commands& commands, Tokens& from_execute,
                 LoadedStream& loaded, Reports& reports) {
  TransferReport report{0};
  Command command = commands.Read();
  // bounded: FETCH sends a stop behind its last instruction
  while (!command.stops) {
    const isa::Header header = isa::DecodeHeader(command.words);
    const isa::Transfer fields = isa::DecodeTransfer(command.words);
    if (header.pop_next != 0) from_execute.Read();
    LoadInto<Configuration, StreamSink>(fields, weights, input, arena, loaded);
    if (header.push_next != 0) {
      loaded.Write(LoadedElement<Configuration>{LoadedKind::kToken, {}});
    }
    report.beats += isa::TransferBeats<Configuration>(fields);
    command = commands.Read();
  }
  DropTokens(command.tokens_left_next, from_execute);
  loaded.Write(LoadedElement<Configuration>{LoadedKind::kEnd, {}});
  reports.Write(report);
}

// A source at the other end of a stream, where EXECUTE keeps the walk.
struct StreamSource {
  struct Walk {};

  template <class Configuration, class StoredStream>
  static Beat<Configuration> Take(StoredStream& stored, Walk&) {
    HLS_INLINE
    return stored.Read();
  }
};

template <class Configuration, class Commands, class Tokens, class StoreCommands,
          class StoredStream, class Reports>
void StoreProcess(Beat<Configuration>* output, Beat<Configuration>* arena, Commands& commands,
                  Tokens& from_execute, Tokens& to_execute, StoreCommands& store_commands,
                  StoredStream& stored, Reports& reports) {
  TransferReport report{0};
  Command command = commands.Read();
  // bounded: FETCH sends a stop behind its last instruction
  while (!command.stops) {
    const isa::Header header = isa::DecodeHeader(command.words);
    if (header.pop_previous != 0) from_execute.Read();
    if (header.operation == static_cast<std::uint32_t>(isa::Operation::kStore)) {
      const isa::Transfer fields = isa::DecodeTransfer(command.words);
      store_commands.Write(StoreCommand{StoreRequestOf(fields), false});
      StoreFrom<Configuration, StreamSource>(fields, stored, StreamSource::Walk{}, output, arena);
      report.beats += isa::TransferBeats<Configuration>(fields);
    }
    if (header.push_previous != 0) to_execute.Write(Token{1});
    command = commands.Read();
  }
  DropTokens(command.tokens_left_previous, from_execute);
  store_commands.Write(StoreCommand{StoreRequest{}, true});
  reports.Write(report);
}

// Gives a token, and serves the other units until there is room for it. `streams` are the
// service's.
template <class Configuration, class Service, class Tokens, class... Streams>
void GiveToken(Scratchpads<Configuration>& memories, Service& service, Tokens& tokens,
               Streams&... streams) {
  HLS_LABEL(give_token)
  // bounded: the unit that takes these tokens goes on as long as this one serves it
  while (!tokens.HasRoom()) {
    HLS_PIPELINE(1)
    SLUICE_MEMORIES_INDEPENDENT(memories)
    service.Wait(memories, streams...);
  }
  tokens.Write(Token{1});
}

// Takes an instruction's tokens, and serves the other units until they have come.
template <class Configuration, class Service, class Tokens, class... Streams>
void TakeTokens(const isa::Header& header, Scratchpads<Configuration>& memories, Service& service,
                Tokens& from_store, Streams&... streams) {
  Token token = 0;
  HLS_LABEL(await_load)
  // bounded: FETCH has seen the token's giver before this instruction
  while (header.pop_previous != 0 && !service.TryTakeToken()) {
    HLS_PIPELINE(1)
    SLUICE_MEMORIES_INDEPENDENT(memories)
    service.Wait(memories, streams...);
  }
  HLS_LABEL(await_store)
  // bounded: likewise
  while (header.pop_next != 0 && !from_store.TryRead(token)) {
    HLS_PIPELINE(1)
    SLUICE_MEMORIES_INDEPENDENT(memories)
    service.Wait(memories, streams...);
  }
}

// Waits for the next command, serving.
template <class Configuration, class Service, class Commands, class... Streams>
Command NextCommand(Scratchpads<Configuration>& memories, Service& service, Commands& commands,
                    Streams&... streams) {
  Command command{};
  HLS_LABEL(await_command)
  // bounded: FETCH sends a stop behind its last instruction
  while (!commands.TryRead(command)) {
    HLS_PIPELINE(1)
    SLUICE_MEMORIES_INDEPENDENT(memories)
    service.Wait(memories, streams...);
  }
  return command;
}

template <class Configuration, class Commands, class Tokens, class Service, class Reports,
          class... Streams>
void ExecuteProcess(Scratchpads<Configuration>& memories, Service& service, Commands& commands,
                    Tokens& to_load, Tokens& to_store, Tokens& from_store, Reports& reports,
                    Streams&... streams) {
  ExecuteReport report{0, 0};
  Command command = NextCommand<Configuration>(memories, service, commands, streams...);
  // bounded: FETCH sends a stop behind its last instruction
  while (!command.stops) {
    const isa::Header header = isa::DecodeHeader(command.words);
    TakeTokens<Configuration>(header, memories, service, from_store, streams...);
    const ExecuteCounts counts =
        Execute<Configuration>(command.words, memories, service, streams...);
    report.clocks += counts.clocks;
    report.multiply_accumulates += counts.multiply_accumulates;
    if (header.push_previous != 0) {
      GiveToken<Configuration>(memories, service, to_load, streams...);
    }
    if (header.push_next != 0) GiveToken<Configuration>(memories, service, to_store, streams...);
    command = NextCommand<Configuration>(memories, service, commands, streams...);
  }
  HLS_LABEL(serve_rest)
  // bounded: LOAD and STORE end behind their last instructions
  while (!service.Ended()) {
    HLS_PIPELINE(1)
    SLUICE_MEMORIES_INDEPENDENT(memories)
    service.Wait(memories, streams...);
  }
  DropTokens(command.tokens_left_next, from_store);
  reports.Write(report);
}

}  // namespace sluice

#endif  // SLUICE_HLS_NPU_DATAFLOW_PROCESSES_HPP_
