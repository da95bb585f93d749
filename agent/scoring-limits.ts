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
  /** One that lived so long resets the delay. */
  processHealthyMs: number;
  /** What it gets to tell its statistics to another. */
  peerAnswerMs: number;
  /** Questions of scoring processes to each other that may be open at once. */
  peerAsksMax: number;
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
  handshakeMs: 10_000,
  tlsPollMs: 10_000,
  socketProbeMs: 1_000,
  processStartMs: 50_000,
  processActivateMs: 110_000,
  processRemoveMs: 8_000,
  processRestartBaseMs: 100,
  processRestartCapMs: 30_000,
  processHealthyMs: 60_000,
  peerAnswerMs: 1_000,
  peerAsksMax: 256,
  stopMs: 2_000,
  scriptOutputBytesMax: 64 * MiB,
  scriptLogLinesMax: 100,
  scriptTextCharsMax: 1_000,
};
