import { describe, expect, it } from 'vitest';
import { type AgentLimits, agentLimits } from '../../../../agent/agent-limits.ts';
import { systemClock } from '../../../../agent/clock.ts';
import { MemoryBlob } from '../../../../agent/images/chunk-sink.ts';
import { type BlockChannel, type BlockListener, Transfer } from '../../../../agent/images/transfer.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import { limits } from '../../../../contract/limits.ts';
import type { BlobRequest } from '../../../../contract/messages.ts';
import { chunkOf, noise, referenceOf } from '../../../support/blobs.ts';
import { seededFractions } from '../../../support/fractions.ts';

const bytes = noise(40 * limits.chunkBytes + 5, 1);
const hasty = { ...agentLimits, chunkTimeoutFirstMs: 30, chunkTimeoutMinMs: 20, chunkScanMs: 5 };

/** A source that answers requests as `answer` says, a moment later. */
class Source implements BlockChannel {
  readonly requests: BlobRequest[] = [];
  readonly outstanding = new Set<number>();
  outstandingMax = 0;
  #listener: BlockListener | undefined;
  readonly #answer: (
    index: number,
    send: (index: number, bytes: Uint8Array, stream?: number) => void,
  ) => void;

  constructor(
    answer: (index: number, send: (index: number, bytes: Uint8Array, stream?: number) => void) => void,
  ) {
    this.#answer = answer;
  }

  get listener(): BlockListener {
    if (this.#listener === undefined) throw new Error('no stream is open');
    return this.#listener;
  }

  async openStream(_stream: number, listener: BlockListener): Promise<void> {
    this.#listener = listener;
  }

  closeStream(): void {
    this.#listener = undefined;
  }

  requestChunks(request: BlobRequest): void {
    this.requests.push(request);
    for (const [first, count] of request.ranges) {
      for (let index = first; index < first + count; index += 1) this.outstanding.add(index);
    }
    this.outstandingMax = Math.max(this.outstandingMax, this.outstanding.size);
    setTimeout(() => {
      for (const [first, count] of request.ranges) {
        for (let index = first; index < first + count; index += 1) {
          this.#answer(index, (at, chunk, stream = request.stream) => {
            this.outstanding.delete(at);
            if (stream === request.stream)
              this.#listener?.onFrame({ kind: 'data', stream, index: at, bytes: chunk });
          });
        }
      }
    }, 1);
  }
}

function holds(sink: MemoryBlob): boolean {
  return Buffer.from(bytes).equals(sink.take() ?? new Uint8Array());
}

interface Changes {
  limits?: AgentLimits;
  signal?: AbortSignal;
  onProgress?: (haveBytes: number) => void;
}

function transfer(channel: BlockChannel, sink: MemoryBlob, changes: Changes = {}): Promise<void> {
  return new Transfer({
    sink,
    channel,
    stream: 9,
    clock: systemClock,
    limits: hasty,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...changes,
  }).run();
}

describe('Transfer', () => {
  it('brings a blob from a perfect source, asking for each chunk once', async () => {
    const source = new Source((index, send) => send(index, chunkOf(bytes, index)));
    const sink = new MemoryBlob(referenceOf(bytes));
    // Nothing is lost, so nothing is late, however busy this machine is.
    await transfer(source, sink, { limits: agentLimits });
    expect(holds(sink)).toBe(true);
    const asked = source.requests.flatMap(({ ranges }) => ranges).reduce((sum, [, count]) => sum + count, 0);
    expect(asked).toBe(41);
    expect(source.outstandingMax).toBeLessThanOrEqual(limits.blobWindowChunksMax);
  });

  it('repairs loss, duplicates and short frames', async () => {
    const random = seededFractions(5);
    const source = new Source((index, send) => {
      const luck = random();
      if (luck < 0.3) return;
      if (luck < 0.4) send(index, chunkOf(bytes, index).subarray(1));
      send(index, chunkOf(bytes, index));
      if (luck > 0.8) send(index, chunkOf(bytes, index));
    });
    const sink = new MemoryBlob(referenceOf(bytes));
    // What is late on a busy machine is asked for again too, and may then be lost.
    await transfer(source, sink, { limits: { ...hasty, chunkTriesMax: 50 } });
    expect(holds(sink)).toBe(true);
  });

  it('ignores chunks that nobody asked for', async () => {
    const source = new Source((index, send) => {
      send(4_000, chunkOf(bytes, 0));
      send(index, chunkOf(bytes, index));
    });
    const sink = new MemoryBlob(referenceOf(bytes));
    await transfer(source, sink);
    expect(holds(sink)).toBe(true);
  });

  it('gives up a chunk that keeps arriving wrong', async () => {
    const source = new Source((index, send) =>
      send(index, chunkOf(bytes, index).subarray(index === 7 ? 1 : 0)),
    );
    const sink = new MemoryBlob(referenceOf(bytes));
    await expect(transfer(source, sink)).rejects.toMatchObject({ code: 'chunk_corrupt' });
    expect(sink.haveBytes).toBeGreaterThan(0);
  });

  it('gives up a source that does not answer', async () => {
    const silent = new Source(() => undefined);
    const stalled = transfer(silent, new MemoryBlob(referenceOf(bytes)));
    await expect(stalled).rejects.toMatchObject({ code: 'transfer_stalled' });
  });

  it('ends with a refusal, a lost link or an abort, and keeps what came', async () => {
    const half = new Source((index, send) => (index < 3 ? send(index, chunkOf(bytes, index)) : undefined));
    const sink = new MemoryBlob(referenceOf(bytes));
    const onProgress = (haveBytes: number): void => {
      if (haveBytes < 3 * limits.chunkBytes) return;
      const error = { code: 'forbidden', message: 'no' } as const;
      half.listener.onFrame({ kind: 'refusal', stream: 9, index: 0, error });
    };
    const refused = transfer(half, sink, { onProgress });
    await expect(refused).rejects.toMatchObject({ code: 'blob_unavailable' });
    expect(sink.haveBytes).toBe(3 * limits.chunkBytes);

    const lost = transfer(half, sink);
    setTimeout(() => half.listener.onLost(new SluiceError('broker_unreachable', 'gone')), 1);
    await expect(lost).rejects.toMatchObject({ code: 'broker_unreachable' });

    const controller = new AbortController();
    const aborted = transfer(half, sink, { signal: controller.signal });
    controller.abort(new SluiceError('cancelled', 'enough'));
    await expect(aborted).rejects.toMatchObject({ code: 'cancelled' });

    const rest = new Source((index, send) => send(index, chunkOf(bytes, index)));
    await transfer(rest, sink);
    expect(holds(sink)).toBe(true);
    expect(rest.requests.flatMap(({ ranges }) => ranges).every(([first]) => first >= 3)).toBe(true);
  });
});
