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
  /** Items of a merged run where the image does not say, and bytes of its inputs: they are copied on the event loop. */
  batchItemsMax: number;
  batchBytesMax: number;
  /** What finding out takes, at the start of an engine, how many requests can be merged. */
  batchTrialMs: number;
  /** A model of at most so many bytes, whose loading takes at most so long, may be loaded on the event loop. */
  inlineModelBytesMax: number;
  inlineLoadMs: number;
  /** Runs inside a thread that are measured for it, and ways there and back; what 95 % of the runs must stay below. */
  inlineTrialRuns: number;
  inlineTrialTrips: number;
  inlineRunMs: number;
  /** What a request's items, by measured time, may take of the event loop; more go to a thread. */
  inlineRequestMs: number;
  /** A run on the event loop that takes longer was the last one there. */
  inlineStallMs: number;
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
  batchItemsMax: 32,
  batchBytesMax: 8 * MiB,
  batchTrialMs: 300,
  inlineModelBytesMax: 1 * MiB,
  inlineLoadMs: 10,
  inlineTrialRuns: 40,
  inlineTrialTrips: 10,
  inlineRunMs: 0.5,
  inlineRequestMs: 2,
  inlineStallMs: 50,
  npuTimeoutMs: 10_000,
  warmUpRuns: 5,
  requestTimeoutMs: 60_000,
  headersTimeoutMs: 15_000,
  connectionCheckMs: 1_000,
  keepAliveTimeoutMs: 72_000,
  requestIdCharsMax: 100,
  hangUpMs: 1_000,
  stopMs: 2_000,
  scriptOutputBytesMax: 64 * MiB,
  scriptLogLinesMax: 100,
  scriptTextCharsMax: 1_000,
};
