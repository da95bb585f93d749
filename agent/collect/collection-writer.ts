import { setImmediate } from 'node:timers/promises';
import { asDiskError } from '../../base/durable-files.ts';
import type { Logger } from '../../base/logger.ts';
import { toSluiceError } from '../../contract/errors.ts';
import type { Collection } from '../../contract/messages.ts';
import type { CollectedEvent } from './collected-event.ts';
import type { CollectionDisk, HourBatch } from './collection-disk.ts';
import { hourFolder, hourOf, instanceOf, type Seat } from './collection-files.ts';
import type { CollectionLimits } from './collection-limits.ts';
import { encodeEvent } from './event-line.ts';

/** Why a line was dropped: no room in memory, none in the ring or on the disk, or the disk did not take it. */
type DropReason = 'memory' | 'disk_full' | 'write_failed';

/** Lines since the process began. */
export interface CollectionCounts {
  written: Record<Collection, number>;
  dropped: Record<DropReason, number>;
}

/** What a writer needs. */
export interface CollectionWriterOptions {
  disk: CollectionDisk;
  seat: Seat;
  root: string;
  limits: CollectionLimits;
  nowMs: () => number;
  randomId: () => string;
  log: Logger;
}

/** Memory that a waiting event takes besides its payload. */
const eventBytes = 1024;
/** Encoding goes on for so long before the event loop turns. */
const turnMs = 2;

interface Waiting {
  event: CollectedEvent;
  bytes: number;
}

/** The lines of one folder that are to be written, and how many of which collection. */
type Batch = HourBatch & { collection: Collection };

/** Writes lines in the background, once an interval unless memory runs short. Nothing waits for it or fails with it. */
export class CollectionWriter {
  readonly counts: CollectionCounts = {
    written: { request: 0, response: 0, inputs: 0, outputs: 0 },
    dropped: { memory: 0, disk_full: 0, write_failed: 0 },
  };
  readonly #options: CollectionWriterOptions;
  #waiting: Waiting[] = [];
  /** Of those that wait and those that are being written. */
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isHurried = false;
  #isFlushing = false;
  #flushing: Promise<void> = Promise.resolve();
  #hour: string | undefined;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: CollectionWriterOptions) {
    this.#options = options;
  }

  /** Looks at what is on the disk already. */
  start(): void {
    this.#flushing = this.#options.disk.scan().catch((thrown: unknown) => this.#drop(0, thrown));
  }

  /**
   * Takes an event whose payload has so many bytes, if there is room; only then `make` is called, which copies what
   * will change. Returns at once and never throws.
   */
  offer(payloadBytes: number, make: () => CollectedEvent): void {
    const bytes = payloadBytes + eventBytes;
    if (this.#isStopped || this.#bytes + bytes > this.#options.limits.waitingBytesMax) {
      this.counts.dropped.memory += 1;
      return;
    }
    try {
      this.#waiting.push({ event: make(), bytes });
    } catch {
      // A copy that cannot be allocated.
      this.counts.dropped.memory += 1;
      return;
    }
    this.#bytes += bytes;
    this.#schedule();
  }

  /** Writes what waits and takes no more. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#flushing;
    if (this.#waiting.length > 0) await this.#flush();
    this.#logCounts();
  }

  /** A flush follows after the interval, or at once when half of the memory is taken. */
  #schedule(): void {
    const { flushIntervalMs, waitingBytesMax } = this.#options.limits;
    const isHurried = 2 * this.#bytes >= waitingBytesMax;
    if (this.#isFlushing || (this.#timer !== undefined && isHurried === this.#isHurried)) return;
    clearTimeout(this.#timer);
    this.#isHurried = isHurried;
    this.#timer = setTimeout(() => void this.#flushAndSchedule(), isHurried ? 0 : flushIntervalMs);
    this.#timer.unref();
  }

  async #flushAndSchedule(): Promise<void> {
    this.#isFlushing = true;
    this.#timer = undefined;
    this.#flushing = this.#flushing.then(() => this.#flush());
    await this.#flushing;
    this.#isFlushing = false;
    if (this.#waiting.length > 0 && !this.#isStopped) this.#schedule();
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let begin = 0; begin < waiting.length; ) {
      const taken = await this.#writeSome(waiting, begin);
      this.#bytes -= taken.reduce((sum, { bytes }) => sum + bytes, 0);
      begin += taken.length;
    }
  }

  /** Encodes and writes as many as one batch may hold; returns these. */
  async #writeSome(waiting: readonly Waiting[], begin: number): Promise<Waiting[]> {
    const { limits, nowMs } = this.#options;
    const batches = new Map<string, Batch>();
    let end = begin;
    let encodedBytes = 0;
    let turnedMs = nowMs();
    while (end < waiting.length && encodedBytes < limits.batchBytesMax) {
      const { event } = waiting[end] as Waiting;
      end += 1;
      encodedBytes += await this.#encode(event, batches);
      if (nowMs() - turnedMs < turnMs) continue;
      await setImmediate();
      turnedMs = nowMs();
    }
    await this.#write([...batches.values()], encodedBytes);
    return waiting.slice(begin, end);
  }

  /** Adds a line to its batch; returns the bytes to be written for it. */
  async #encode(event: CollectedEvent, batches: Map<string, Batch>): Promise<number> {
    const { seat, limits, randomId } = this.#options;
    const { collection, origin, instantMs } = event;
    try {
      const { line, apart } = await encodeEvent(event, {
        ...{ id: randomId(), device: seat.device, instance: instanceOf(seat), limits },
      });
      const folder = hourFolder({ ...origin, collection, hour: hourOf(instantMs) });
      const batch = batches.get(folder) ?? { folder, collection, lines: [], apart: [] };
      batches.set(folder, batch);
      batch.lines.push(line);
      if (apart !== undefined) batch.apart.push(apart);
      return line.length + (apart?.bytes.length ?? 0);
    } catch (thrown) {
      this.#drop(1, thrown);
      return 0;
    }
  }

  async #write(batches: Batch[], bytes: number): Promise<void> {
    const { disk } = this.#options;
    try {
      await this.#rollHour(batches);
      await disk.checkFree(bytes);
    } catch (thrown) {
      for (const { lines } of batches) this.#drop(lines.length, thrown);
      return;
    }
    for (const batch of batches) {
      try {
        await disk.write(batch);
        this.counts.written[batch.collection] += batch.lines.length;
      } catch (thrown) {
        disk.mistrust();
        this.#drop(batch.lines.length, thrown);
      }
    }
  }

  /** Files may have been taken away meanwhile: once an hour, and at first, the disk is looked at. */
  async #rollHour(batches: readonly Batch[]): Promise<void> {
    const hour = batches.at(-1)?.folder.slice(-'yyyy/MM/dd/HH'.length);
    if (hour === undefined || hour === this.#hour) return;
    await this.#options.disk.scan();
    if (this.#hour !== undefined) this.#logCounts();
    this.#hour = hour;
  }

  #logCounts(): void {
    const { disk, log } = this.#options;
    log.info({ ...this.counts, diskBytes: disk.bytes, removedBytes: disk.removedBytes }, 'data collection');
  }

  #drop(lines: number, thrown: unknown): void {
    const { root, limits, nowMs, log } = this.#options;
    const { code, message } = toSluiceError(asDiskError(thrown, root));
    const reason = code === 'disk_full' || code === 'limit_exceeded' ? 'disk_full' : 'write_failed';
    this.counts.dropped[reason] += lines;
    if (nowMs() - this.#loggedMs < limits.logIntervalMs) return;
    this.#loggedMs = nowMs();
    log.warn({ code, dropped: this.counts.dropped }, `data collection: lines are dropped (${message})`);
  }
}
