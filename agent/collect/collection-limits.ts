/** Bounds of what is collected, besides what it may take on disk. */
export interface CollectionLimits {
  /** What waits in memory to be written; a line that finds no room is dropped. */
  waitingBytesMax: number;
  /** Between two writes: what a power cut may cost, and how often a flash disk is written to. */
  flushIntervalMs: number;
  /** Text that is written at once. */
  batchBytesMax: number;
  /** Payload that stands in its line; a larger one gets a file of its own. */
  inlineBytesMax: number;
  /** Data of tensors that stand in their line: as text they take several times as much. */
  inlineTensorBytesMax: number;
  /** Room on the disk that is left to everything else. */
  freeBytesMin: number;
  /** The disk is looked at again before the oldest hours go, when it was not for so long: others remove files too. */
  rescanMs: number;
  /** Between two log lines about a disk that takes nothing. */
  logIntervalMs: number;
}
