const KiB = 1024;
const MiB = 1024 * KiB;

/** Every queue, retry and timeout of the scoring process that an image does not set itself. */
export interface ScoringLimits {
  /** What a worker thread gets to load its model or to run its script's `init`, besides the script's own limit. */
  workerStartMs: number;
  /** How long closing an engine waits for a thread that still computes; it then ends by itself. */
  workerCloseMs: number;
  /** First delay after a worker thread could not be started again, doubled up to `workerRestartCapMs`. */
  workerRestartBaseMs: number;
  workerRestartCapMs: number;
  /** Tensors of at least this size change threads without a copy; below, copying is cheaper. */
  transferBytesMin: number;
  /** What the NPU gets for one request. */
  npuTimeoutMs: number;
  /** Timed runs of each route at warm-up, so that `auto` compares settled figures. */
  warmUpRuns: number;
  /** From the first byte of a request to its last. */
  requestTimeoutMs: number;
  headersTimeoutMs: number;
  /** How often connections are checked against these two. */
  connectionCheckMs: number;
  keepAliveTimeoutMs: number;
  /** Characters of a request id header, as Azure's inference server has it. */
  requestIdCharsMax: number;
  /** What a client gets to read the answer to something that is not HTTP, before the connection is cut. */
  hangUpMs: number;
  /** Calls of one gRPC connection at once; a client has to wait with more. */
  grpcCallsMax: number;
  /** Requests of one gRPC stream that are under way; more are not read yet. */
  grpcStreamDepthMax: number;
  /** How often a gRPC connection is asked whether its client is still there, and how long it may take to answer. */
  grpcPingMs: number;
  grpcPingTimeoutMs: number;
  /** What running requests get when the process stops. */
  stopMs: number;
  /** Body of a scoring script's answer. */
  scriptOutputBytesMax: number;
  /** Log lines of one script run; more are dropped. */
  scriptLogLinesMax: number;
  /** Characters of a script's log line or error message that are kept. */
  scriptTextCharsMax: number;
}

/** The limits that apply unless a composition root passes others. */
export const scoringLimits: ScoringLimits = {
  workerStartMs: 60_000,
  workerCloseMs: 2_000,
  workerRestartBaseMs: 100,
  workerRestartCapMs: 5_000,
  transferBytesMin: 64 * KiB,
  npuTimeoutMs: 10_000,
  warmUpRuns: 5,
  requestTimeoutMs: 60_000,
  headersTimeoutMs: 15_000,
  connectionCheckMs: 1_000,
  keepAliveTimeoutMs: 72_000,
  requestIdCharsMax: 100,
  hangUpMs: 1_000,
  grpcCallsMax: 256,
  grpcStreamDepthMax: 16,
  grpcPingMs: 60_000,
  grpcPingTimeoutMs: 20_000,
  stopMs: 2_000,
  scriptOutputBytesMax: 64 * MiB,
  scriptLogLinesMax: 100,
  scriptTextCharsMax: 1_000,
};
