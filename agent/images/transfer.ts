import type { BlockFrame } from '../../contract/block-frame.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { BlobRequest } from '../../contract/messages.ts';
import type { AgentLimits } from '../agent-limits.ts';
import type { Clock } from '../clock.ts';
import type { ChunkSink } from './chunk-sink.ts';
import { toRuns } from './journal.ts';
import { DelayWindow } from './window.ts';

/** What a transfer hears from the link. */
export interface BlockListener {
  onFrame(frame: BlockFrame): void;
  /** The link is gone; the transfer ends. */
  onLost(error: SluiceError): void;
}

/** The link as a transfer sees it: chunks asked for go up, frames come down. */
export interface BlockChannel {
  /** Delivers the frames of one stream from now on. Throws `broker_unreachable`. */
  openStream(stream: number, listener: BlockListener): Promise<void>;
  closeStream(stream: number): void;
  /** Publishes a request at QoS 0: it may be lost. */
  requestChunks(request: BlobRequest): void;
}

interface AskedChunk {
  state: 'asked' | 'overdue' | 'writing';
  firstAskedMs: number;
  askedMs: number;
  tries: number;
  corrupt: number;
}

/** Everything that one transfer needs. */
export interface TransferOptions {
  sink: ChunkSink;
  channel: BlockChannel;
  /** Tells this transfer's frames from those of earlier ones. */
  stream: number;
  clock: Clock;
  limits: AgentLimits;
  onProgress: (haveBytes: number) => void;
  signal: AbortSignal;
}

/**
 * Pulls the missing chunks of one blob into a sink, QoS 0 with repair, inside a delay-based window.
 * Runs once. Throws `blob_unavailable`, `chunk_corrupt`, `transfer_stalled`, `broker_unreachable`,
 * `disk_full` or the signal's reason; what arrived stays in the sink.
 */
export class Transfer {
  readonly #options: TransferOptions;
  readonly #window: DelayWindow;
  readonly #asked = new Map<number, AskedChunk>();
  readonly #writes = new Set<Promise<void>>();
  /** Chunks never asked for, last one first. */
  #fresh: number[] = [];
  #overdue: number[] = [];
  #smoothedRttMs: number | undefined;
  #minRttMs = Number.POSITIVE_INFINITY;
  #lastLossMs = Number.NEGATIVE_INFINITY;
  #fillScheduled = false;
  #settled = false;
  #resolve: () => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#window = new DelayWindow({
      targetDelayMs: options.limits.windowTargetDelayMs,
      chunksMin: options.limits.windowChunksMin,
    });
  }

  /** Resolves when the sink misses nothing. */
  async run(): Promise<void> {
    const { sink, channel, stream, signal } = this.#options;
    signal.throwIfAborted();
    this.#fresh = sink.missing().reverse();
    if (this.#fresh.length === 0) return;
    const done = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const abort = (): void => this.#fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const scan = setInterval(() => this.#scan(), this.#options.limits.chunkScanMs);
    try {
      const opened = channel.openStream(stream, {
        onFrame: (frame) => this.#onFrame(frame),
        onLost: (error) => this.#fail(error),
      });
      await Promise.race([opened, done]);
      this.#fill();
      await done;
    } finally {
      this.#settled = true;
      clearInterval(scan);
      signal.removeEventListener('abort', abort);
      channel.closeStream(stream);
      await Promise.allSettled(this.#writes);
    }
  }

  #fail(reason: unknown): void {
    this.#settled = true;
    this.#reject(reason);
  }

  #onFrame(frame: BlockFrame): void {
    if (this.#settled) return;
    if (frame.kind === 'refusal') {
      const { digest } = this.#options.sink.reference;
      this.#fail(
        new SluiceError('blob_unavailable', `blob ${digest}: refused by the source: ${frame.error.message}`),
      );
      return;
    }
    const chunk = this.#asked.get(frame.index);
    if (chunk === undefined || chunk.state === 'writing') return;
    if (!this.#options.sink.accepts(frame.index, frame.bytes)) {
      this.#onCorrupt(frame.index, chunk);
      return;
    }
    this.#measure(chunk);
    chunk.state = 'writing';
    const write = this.#keep(frame.index, frame.bytes);
    this.#writes.add(write);
    void write.finally(() => this.#writes.delete(write));
  }

  /**
   * Only a chunk asked for once tells its round trip for sure (Karn). One that comes sooner after its last
   * request than any round trip answers the first: then the path is slower than thought.
   */
  #measure(chunk: AskedChunk): void {
    const nowMs = this.#options.clock.monotonicMs();
    const sinceLastMs = nowMs - chunk.askedMs;
    const sampleMs = sinceLastMs < this.#minRttMs ? nowMs - chunk.firstAskedMs : sinceLastMs;
    this.#smoothedRttMs =
      this.#smoothedRttMs === undefined ? sampleMs : this.#smoothedRttMs * 0.875 + sampleMs * 0.125;
    if (chunk.tries > 1) return;
    this.#minRttMs = Math.min(this.#minRttMs, sampleMs);
    this.#window.onArrival(sampleMs);
  }

  async #keep(index: number, bytes: Uint8Array): Promise<void> {
    const { sink, onProgress } = this.#options;
    try {
      await sink.write(index, bytes);
    } catch (thrown) {
      this.#fail(thrown);
      return;
    }
    this.#asked.delete(index);
    if (this.#settled) return;
    onProgress(sink.haveBytes);
    if (this.#asked.size === 0 && this.#fresh.length === 0) {
      this.#settled = true;
      this.#resolve();
    } else {
      this.#scheduleFill();
    }
  }

  #onCorrupt(index: number, chunk: AskedChunk): void {
    const { limits: agentLimits, sink } = this.#options;
    chunk.corrupt += 1;
    if (chunk.corrupt >= agentLimits.chunkCorruptMax) {
      this.#fail(
        new SluiceError(
          'chunk_corrupt',
          `blob ${sink.reference.digest}: chunk ${index} arrived ${chunk.corrupt} times with wrong bytes`,
        ),
      );
      return;
    }
    if (chunk.state === 'asked') this.#putBack(index, chunk);
    this.#scheduleFill();
  }

  #putBack(index: number, chunk: AskedChunk): void {
    chunk.state = 'overdue';
    this.#overdue.push(index);
  }

  /** Asks again for what is overdue. */
  #scan(): void {
    if (this.#settled) return;
    const { clock, limits: agentLimits, sink } = this.#options;
    const nowMs = clock.monotonicMs();
    const timeoutMs =
      this.#smoothedRttMs === undefined
        ? agentLimits.chunkTimeoutFirstMs
        : Math.max(agentLimits.chunkTimeoutMinMs, 4 * this.#smoothedRttMs);
    let lost = false;
    for (const [index, chunk] of this.#asked) {
      if (chunk.state !== 'asked') continue;
      if (nowMs - chunk.askedMs < timeoutMs * Math.min(8, 2 ** (chunk.tries - 1))) continue;
      if (chunk.tries >= agentLimits.chunkTriesMax) {
        const message = `blob ${sink.reference.digest}: no answer to ${chunk.tries} requests of chunk ${index}`;
        this.#fail(new SluiceError('transfer_stalled', message));
        return;
      }
      this.#putBack(index, chunk);
      lost = true;
    }
    if (!lost) return;
    // One burst of losses is one event: the window halves at most once per timeout.
    if (nowMs - this.#lastLossMs >= timeoutMs) {
      this.#window.onLoss();
      this.#lastLossMs = nowMs;
    }
    this.#fill();
  }

  /** Frames of one read from the socket are answered by one request. */
  #scheduleFill(): void {
    if (this.#fillScheduled) return;
    this.#fillScheduled = true;
    setImmediate(() => {
      this.#fillScheduled = false;
      this.#fill();
    });
  }

  #fill(): void {
    if (this.#settled) return;
    const nowMs = this.#options.clock.monotonicMs();
    const chosen: number[] = [];
    // Some that were overdue came after all while they waited for room.
    this.#overdue = this.#overdue.filter((index) => this.#asked.get(index)?.state === 'overdue');
    let room = this.#window.chunks - (this.#asked.size - this.#overdue.length);
    for (; room > 0; room -= 1) {
      const index = this.#overdue.shift() ?? this.#fresh.pop();
      if (index === undefined) break;
      const chunk = this.#asked.get(index);
      if (chunk === undefined) {
        this.#asked.set(index, { state: 'asked', firstAskedMs: nowMs, askedMs: nowMs, tries: 1, corrupt: 0 });
      } else {
        chunk.state = 'asked';
        chunk.askedMs = nowMs;
        chunk.tries += 1;
      }
      chosen.push(index);
    }
    if (chosen.length > 0) this.#request(chosen.sort((left, right) => left - right));
  }

  #request(indexes: readonly number[]): void {
    const ranges = toRuns(indexes).map(({ first, count }): [number, number] => [first, count]);
    const { sink, channel, stream } = this.#options;
    for (let start = 0; start < ranges.length; start += limits.blobRequestRangesMax) {
      channel.requestChunks({
        schemaVersion: 1,
        stream,
        digest: sink.reference.digest,
        ranges: ranges.slice(start, start + limits.blobRequestRangesMax),
      });
    }
  }
}
