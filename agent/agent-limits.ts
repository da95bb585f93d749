const KiB = 1024;
const MiB = 1024 * KiB;

/** Every queue, retry and timeout of the control process. Units stand last in the names. */
export interface AgentLimits {
  /** Queueing delay that a transfer may add to the link (edge.md 2.3: T). */
  windowTargetDelayMs: number;
  /** Smallest window of a transfer; the largest is `limits.blobWindowChunksMax`. */
  windowChunksMin: number;
  /** A chunk is asked for again after this long while no round trip has been measured. */
  chunkTimeoutFirstMs: number;
  /** A chunk is never asked for again sooner than this. */
  chunkTimeoutMinMs: number;
  /** How often a transfer looks for overdue chunks. */
  chunkScanMs: number;
  /** Requests of one chunk without an answer before the transfer counts as stalled. */
  chunkTriesMax: number;
  /** Arrivals of one chunk with wrong bytes before the transfer gives up. */
  chunkCorruptMax: number;
  /** Largest blob that is pulled without a chunk index: the index of the largest blob. */
  unindexedBlobBytesMax: number;
  /** Rounds of pulling one blob whose chunks fit but whose digest does not. */
  blobRoundsMax: number;
  /** Data that a power cut may cost: after so much the partial file is synced and journalled. */
  journalSyncBytes: number;
  /** Free space that a fetch leaves for journals, logs and state. */
  diskReserveBytes: number;
  /** First delay of a failed deployment, doubled each time up to `retryCapMs`. */
  retryBaseMs: number;
  retryCapMs: number;
  /** Deaths of the scoring process, while an image is activated or on trial, that quarantine it. */
  trialCrashesMax: number;
  /** How long an image must serve before it counts as good. */
  trialMs: number;
  /** Images remembered as failed per deployment; the oldest is forgotten first. */
  quarantineMax: number;
  activateTimeoutMs: number;
  removeTimeoutMs: number;
  /** First delay before a dead scoring process is started again, doubled up to `restartCapMs`. */
  restartBaseMs: number;
  restartCapMs: number;
  /** A scoring process that lived so long starts again without delay. */
  restartHealthyMs: number;
  /** What a scoring process gets to listen before it is killed and started again. */
  listenTimeoutMs: number;
  /** Deaths before the first `listening` after which the agent gives up. */
  firstStartTriesMax: number;
  /** What a scoring process gets to finish its requests before it is killed. */
  scoringStopMs: number;
  /** How long the link waits for what is on the disk to be served. */
  linkDelayMs: number;
  bootstrapTimeoutMs: number;
  bootstrapBytesMax: number;
  connectTimeoutMs: number;
  /** First delay between connections, doubled up to `connectCapMs`, with full jitter. */
  connectBaseMs: number;
  connectCapMs: number;
  /** A connection that lived so long resets the delay. */
  connectStableMs: number;
  keepaliveSeconds: number;
  /** Wait for one acknowledgement of the broker. */
  acknowledgeTimeoutMs: number;
  /** Reported documents go out at most this often; only the latest counts. */
  reportIntervalMs: number;
  /** Progress events go out at most this often per deployment. */
  progressIntervalMs: number;
  /** What collected data may take on disk unless the device says otherwise. */
  collectionBytesMax: number;
  /** What saying goodbye to the broker may take. */
  linkStopMs: number;
}

/** The limits that apply unless a composition root passes others. */
export const agentLimits: AgentLimits = {
  windowTargetDelayMs: 200,
  windowChunksMin: 2,
  chunkTimeoutFirstMs: 3_000,
  chunkTimeoutMinMs: 1_000,
  chunkScanMs: 100,
  chunkTriesMax: 6,
  chunkCorruptMax: 4,
  unindexedBlobBytesMax: 2 * MiB,
  blobRoundsMax: 3,
  journalSyncBytes: 4 * MiB,
  diskReserveBytes: 16 * MiB,
  retryBaseMs: 1_000,
  retryCapMs: 300_000,
  trialCrashesMax: 3,
  trialMs: 60_000,
  quarantineMax: 32,
  activateTimeoutMs: 120_000,
  removeTimeoutMs: 10_000,
  restartBaseMs: 100,
  restartCapMs: 30_000,
  restartHealthyMs: 60_000,
  listenTimeoutMs: 60_000,
  firstStartTriesMax: 4,
  scoringStopMs: 2_500,
  linkDelayMs: 1_000,
  bootstrapTimeoutMs: 5_000,
  bootstrapBytesMax: 256 * KiB,
  connectTimeoutMs: 10_000,
  connectBaseMs: 1_000,
  connectCapMs: 300_000,
  connectStableMs: 300_000,
  keepaliveSeconds: 15,
  acknowledgeTimeoutMs: 10_000,
  reportIntervalMs: 250,
  progressIntervalMs: 200,
  collectionBytesMax: 256 * MiB,
  linkStopMs: 1_000,
};
