// The kernel with its units at work at the same time, for a compiler that has the vendor's streams;
// others see an empty file. It takes the place of hls/npu/top.cpp.
#include "hls/npu/top.hpp"

#include "hls/streams/vendor_stream.hpp"

#if defined(SLUICE_HLS_VITIS) && defined(__SYNTHESIS__)

#include "hls/npu/dataflow/processes.hpp"

namespace sluice {

using CommandStream = VendorStream<Command, kCommandDepth>;
using TokenStream = VendorStream<Token, isa::kTokenQueueDepth>;
using LoadedStream = VendorStream<LoadedElement<TopConfiguration>, kBeatDepth>;
using StoreCommandStream = VendorStream<StoreCommand, kSingleDepth>;
using StoredStream = VendorStream<TopBeat, kBeatDepth>;
using FetchReports = VendorStream<FetchReport, kSingleDepth>;
using ExecuteReports = VendorStream<ExecuteReport, kSingleDepth>;
using TransferReports = VendorStream<TransferReport, kSingleDepth>;

// EXECUTE and the memories, which nobody else touches.
void TopExecute(LoadedStream& loaded, StoreCommandStream& store_commands, StoredStream& stored,
                CommandStream& commands, TokenStream& to_load, TokenStream& to_store,
                TokenStream& from_store, ExecuteReports& reports) {
  static TopScratchpads memories;
  HLS_PARTITION(memories.activation, 1)
  HLS_AGGREGATE(memories.activation)
  HLS_PARTITION(memories.weight, 1)
  HLS_AGGREGATE(memories.weight)
  HLS_PARTITION(memories.parameter, 2)
  HLS_PARTITION(memories.table, 1)
  StreamService<TopConfiguration> service;
  ExecuteProcess<TopConfiguration>(memories, service, commands, to_load, to_store, from_store,
                                   reports, loaded, store_commands, stored);
}

void TopReport(FetchReports& fetch, ExecuteReports& execute, TransferReports& load,
               TransferReports& store, NpuStatus* status) {
  *status = StatusOf(fetch.Read(), execute.Read(), load.Read(), store.Read());
}

void TopProcesses(const isa::InstructionWords* instructions, std::uint32_t instruction_count,
                  const TopBeat* weights, const TopBeat* input, TopBeat* output, TopBeat* arena,
                  const RegionSizes& sizes, NpuStatus* status) {
  HLS_DATAFLOW
  CommandStream to_load, to_execute, to_store;
  LoadedStream loaded;
  TokenStream execute_to_load, execute_to_store, store_to_execute;
  StoreCommandStream store_commands;
  StoredStream stored;
  FetchReports fetch_report;
  ExecuteReports execute_report;
  TransferReports load_report, store_report;
  FetchProcess<TopConfiguration>(instructions, instruction_count, sizes, to_load, to_execute,
                                 to_store, fetch_report);
  LoadProcess<TopConfiguration>(weights, input, arena, to_load, execute_to_load, loaded,
                                load_report);
  TopExecute(loaded, store_commands, stored, to_execute, execute_to_load, execute_to_store,
             store_to_execute, execute_report);
  StoreProcess<TopConfiguration>(output, arena, to_store, execute_to_store, store_to_execute,
                                 store_commands, stored, store_report);
  TopReport(fetch_report, execute_report, load_report, store_report, status);
}

}  // namespace sluice

extern "C" void sluice_npu(const sluice::isa::InstructionWords* instructions,
                           std::uint32_t instruction_count, const sluice::TopBeat* weights,
                           std::uint64_t weights_beats, const sluice::TopBeat* input,
                           std::uint64_t input_beats, sluice::TopBeat* output,
                           std::uint64_t output_beats, sluice::TopBeat* arena,
                           std::uint64_t arena_beats, sluice::NpuStatus* status) {
  HLS_MEMORY_PORT(instructions, instruction_port, 1024)
  HLS_MEMORY_PORT(weights, weight_port, 4096)
  HLS_MEMORY_PORT(input, input_port, 4096)
  HLS_MEMORY_PORT(output, output_port, 4096)
  HLS_MEMORY_PORT(arena, arena_port, 4096)
  HLS_MEMORY_PORT(status, status_port, 1)
  HLS_CONTROL_PORT(instruction_count)
  HLS_CONTROL_PORT(weights_beats)
  HLS_CONTROL_PORT(input_beats)
  HLS_CONTROL_PORT(output_beats)
  HLS_CONTROL_PORT(arena_beats)
  HLS_CONTROL_PORT(return )
  const sluice::RegionSizes sizes{weights_beats, input_beats, output_beats, arena_beats};
  sluice::TopProcesses(instructions, instruction_count, weights, input, output, arena, sizes,
                       status);
}

#endif
