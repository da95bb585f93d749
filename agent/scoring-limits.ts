import type { CollectionLimits } from './collect/collection-limits.ts';
import type { OtlpLimits } from './observe/otlp-exporter.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Every queue, retry and timeout of the scoring process that an image does not set itself. */
export interface ScoringLimits {
  /** What a thread gets to load its model or to run its script's `init`, besides the script's own limit. */
  workerStartMs: number;
  /** How long closing waits for a thread that still computes, before it is told to end. */
  workerCloseMs: number;
  /** First delay after a worker thread could not be started again, doubled up to `workerRestartCapMs`. */
  workerRestartBaseMs: number;
  workerRestartCapMs: number;
  /** Items of a merged run where the image does not say, and bytes of its inputs: they are copied on the event loop. */
  batchItemsMax: number;
  batchBytesMax: number;
  /** What finding out takes, at the start of an engine, how many requests can be merged. */
  batchTrialMs: number;
  /** Runs that tell whether a model may run on the event loop; what 95 % of them must stay below. */
  inlineTrialRuns: number;
  inlineRunMs: number;
  /** What a request's items, by measured time, may take of the event loop; more go to a thread. */
  inlineRequestMs: number;
  /** The second run on the event loop that takes longer was the last one there. */
  inlineStallMs: number;
  /** What the NPU gets for one request. */
  npuTimeoutMs: number;
  /** Answers and failures of the NPU route that its breaker looks back on. */
  breakerRunsMax: number;
  /** So many failures among these open it. */
  breakerFailuresMax: number;
  /** First delay before an NPU that failed is probed, doubled up to `breakerProbeCapMs`, with jitter. */
  breakerProbeBaseMs: number;
  breakerProbeCapMs: number;
  /** An NPU that fails again so soon after it was found well goes on with the delays it had. */
  breakerSettleMs: number;
  /** A failing NPU that answered another image so lately is not opened anew. */
  npuReopenQuietMs: number;
  /** Devices that did not stop when they were closed, each a thread left behind; then none is opened anew. */
  npuLeftBehindMax: number;
  /** Requests of an image that run, or wait to, on their other route as well. */
  shadowsMax: number;
  /** Inputs and outputs of such a request, each, which are copied. */
  shadowBytesMax: number;
  /** A route that `auto` has not taken for so long is measured again, after an answer. */
  remeasureMs: number;
  /** Timed runs of each route at warm-up, so that `auto` compares settled figures. */
  warmUpRuns: number;
  /** Requests of one sequence that wait for their turn; the next gets 429. */
  sequenceWaitingMax: number;
  /** From the first byte of a request to its last. */
  requestTimeoutMs: number;
  headersTimeoutMs: number;
  /** How often connections are checked against these two. */
  connectionCheckMs: number;
  keepAliveTimeoutMs: number;
  /** Connections at once; further ones are hung up on. */
  connectionsMax: number;
  /** Bytes of all bodies that are under way, as they come; a body that goes beyond is refused. */
  heldBytesMax: number;
  /** Buffers that are kept for the next bodies, and for each model's next outputs, and how long when none comes. */
  bodyBuffersBytesMax: number;
  outputBuffersBytesMax: number;
  buffersIdleMs: number;
  /** Headers of one request; Node bounds their bytes at 16 KiB. */
  headersMax: number;
  /** How long a client may take nothing of its answer before the connection is cut. */
  unreadMs: number;
  /** Copies of requests that run for mirroring at a time; of further ones none is made. */
  mirrorInFlightMax: number;
  /** Largest body of a request that is copied, when decompressed: copies outlive the answer. */
  mirrorBodyBytesMax: number;
  /** What a copy gets to be answered. */
  mirrorTimeoutMs: number;
  /** Characters of a request id header, as Azure's inference server has it. */
  requestIdCharsMax: number;
  /** What a client gets to read the answer to something that is not HTTP, before the connection is cut. */
  hangUpMs: number;
  /** What a client gets to agree on TLS. */
  handshakeMs: number;
  /** How often certificate and key are looked at, so that renewed ones are used. */
  tlsPollMs: number;
  /** What whoever listens on a socket's file gets to answer before it counts as alive. */
  socketProbeMs: number;
  /** What one of several scoring processes gets to start, and to listen. */
  processStartMs: number;
  /**
   * What it gets to activate an image, and to let one go: a little less than the control process waits, so that one
   * that hangs is killed and not all of them.
   */
  processActivateMs: number;
  processRemoveMs: number;
  /** First delay before a dead one is started again, doubled up to `processRestartCapMs`. */
  processRestartBaseMs: number;
  processRestartCapMs: number;
  /** Deaths so close to each other are told as one: they have one cause. */
  processDeathsMs: number;
  /** One that lived so long resets the delay. */
  processHealthyMs: number;
  /** What it gets to tell its statistics to another. */
  peerAnswerMs: number;
  /** Questions of scoring processes to each other that may be open at once. */
  peerAsksMax: number;
  /** Calls of one gRPC connection at once; a client has to wait with more. */
  grpcCallsMax: number;
  /** Requests of one gRPC stream that are under way; more are not read yet. */
  grpcStreamDepthMax: number;
  /** How often a gRPC connection is asked whether its client is still there, and how long it may take to answer. */
  grpcPingMs: number;
  grpcPingTimeoutMs: number;
  /** What running requests get when the process stops. */
  stopMs: number;
  /** Lines of the request log above the debug level, for one status and error code. */
  requestLogLinesPerMinute: number;
  traces: OtlpLimits;
  /** What the collector of traces gets when the process stops. */
  traceStopMs: number;
  collection: CollectionLimits;
  /** Body of a scoring script's answer. */
  scriptOutputBytesMax: number;
  /** Log lines of one script run; more are dropped. */
  scriptLogLinesMax: number;
  /** Characters of a script's log line or error message that are kept. */
  scriptTextCharsMax: number;
  /** Answer to a script's `context.fetch`, or file of the device that it reads. */
  scriptGrantedBytesMax: number;
  /** Of these that one thread of a script asks for at once; more are refused. */
  scriptQuestionsMax: number;
  /** Text of the schemas that a script declares. */
  scriptSchemaCharsMax: number;
}

/** The limits that apply unless a composition root passes others. */
export const scoringLimits: ScoringLimits = {
  workerStartMs: 60_000,
  workerCloseMs: 2_000,
  workerRestartBaseMs: 100,
  workerRestartCapMs: 5_000,
  batchItemsMax: 32,
  batchBytesMax: 8 * MiB,
  batchTrialMs: 300,
  inlineTrialRuns: 40,
  inlineRunMs: 0.5,
  inlineRequestMs: 2,
  inlineStallMs: 50,
  npuTimeoutMs: 10_000,
  breakerRunsMax: 10,
  breakerFailuresMax: 3,
  breakerProbeBaseMs: 1_000,
  breakerProbeCapMs: 60_000,
  breakerSettleMs: 60_000,
  npuReopenQuietMs: 10_000,
  npuLeftBehindMax: 3,
  shadowsMax: 2,
  shadowBytesMax: 8 * MiB,
  remeasureMs: 30_000,
  warmUpRuns: 5,
  sequenceWaitingMax: 16,
  requestTimeoutMs: 60_000,
  headersTimeoutMs: 15_000,
  connectionCheckMs: 1_000,
  keepAliveTimeoutMs: 72_000,
  connectionsMax: 1024,
  heldBytesMax: 256 * MiB,
  bodyBuffersBytesMax: 16 * MiB,
  outputBuffersBytesMax: 16 * MiB,
  buffersIdleMs: 5_000,
  headersMax: 128,
  unreadMs: 30_000,
  mirrorInFlightMax: 4,
  mirrorBodyBytesMax: 16 * MiB,
  mirrorTimeoutMs: 10_000,
  requestIdCharsMax: 100,
  hangUpMs: 1_000,
  handshakeMs: 10_000,
  tlsPollMs: 10_000,
  socketProbeMs: 1_000,
  processStartMs: 50_000,
  processActivateMs: 110_000,
  processRemoveMs: 8_000,
  processRestartBaseMs: 100,
  processRestartCapMs: 30_000,
  processDeathsMs: 100,
  processHealthyMs: 60_000,
  peerAnswerMs: 1_000,
  peerAsksMax: 256,
  grpcCallsMax: 256,
  grpcStreamDepthMax: 16,
  grpcPingMs: 60_000,
  grpcPingTimeoutMs: 20_000,
  stopMs: 2_000,
  requestLogLinesPerMinute: 10,
  traces: {
    spansMax: 2_048,
    batchSpansMax: 512,
    intervalMs: 1_000,
    intervalCapMs: 60_000,
    timeoutMs: 5_000,
    logIntervalMs: 60_000,
  },
  traceStopMs: 500,
  collection: {
    waitingBytesMax: 16 * MiB,
    flushIntervalMs: 1_000,
    batchBytesMax: 4 * MiB,
    inlineBytesMax: 256 * KiB,
    inlineTensorBytesMax: 64 * KiB,
    freeBytesMin: 64 * MiB,
    rescanMs: 60_000,
    logIntervalMs: 60_000,
  },
  scriptOutputBytesMax: 64 * MiB,
  scriptLogLinesMax: 100,
  scriptTextCharsMax: 1_000,
  scriptGrantedBytesMax: 16 * MiB,
  scriptQuestionsMax: 8,
  scriptSchemaCharsMax: 64 * KiB,
};
