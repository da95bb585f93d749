import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import { limits as contractLimits } from '../../contract/limits.ts';
import { releaseMemory } from '../../native/release-memory.ts';
import { KeptBuffers } from '../kept-buffers.ts';
import { isInUse } from '../request-memory.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { onRequest } from './on-request.ts';
import { whenOver } from './when-over.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body of a request that has one. */
    collected: CollectedBody | null;
  }
}

/** What is allocated at once for a body that says its length; the rest only as it arrives. */
const firstBytesMax = 4 * 1024 * 1024;
const smallestBytes = 4 * 1024;
const none = Buffer.alloc(0);

/** Bytes of all bodies that are under way. */
class HeldBytes {
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Throws `queue_full`. */
  take(bytes: number): void {
    if (this.#held + bytes > this.#bytesMax) {
      const text = `the bodies under way take ${this.#held} of ${this.#bytesMax} bytes already; try again later`;
      throw new SluiceError('queue_full', text, { retryAfterMs: 1000 });
    }
    this.#held += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
  }
}

/**
 * Reads each body into one buffer, whatever pieces it comes in: a list of one-byte chunks would take a hundred
 * times their bytes. All bodies together are bounded, from their arrival until they are answered.
 */
export function collectBodies(app: FastifyInstance, limits: ScoringLimits): void {
  const held = new HeldBytes(limits.heldBytesMax);
  const { bodyBuffersBytesMax: bytesMax, buffersIdleMs: idleMs } = limits;
  const buffers = new KeptBuffers({ bytesMax, idleMs });
  app.decorateRequest('collected', null);
  onRequest(app, (request, reply) => {
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    if (length !== undefined || coding !== undefined) {
      const declared = length === undefined ? undefined : Number(length);
      const body = new CollectedBody({ held, buffers, declared });
      request.collected = body;
      whenOver(reply, () => body.end({ isAnswered: reply.raw.writableFinished }));
    }
  });
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    collect(request, payload),
  );
}

async function collect(request: FastifyRequest, payload: IncomingMessage): Promise<Uint8Array> {
  const body = request.collected as CollectedBody;
  body.checkLength();
  return new Promise((resolve, reject) => {
    const settle = (conclude: () => void): void => {
      payload.off('data', onData).off('end', onEnd).off('error', onError);
      conclude();
    };
    const onData = (piece: Buffer): void => {
      try {
        body.append(piece);
      } catch (thrown) {
        settle(() => reject(thrown));
      }
    };
    const onEnd = (): void => settle(() => resolve(body.bytes));
    const onError = (): void =>
      settle(() => reject(new SluiceError('cancelled', 'the client left before its body was here')));
    payload.on('data', onData).on('end', onEnd).on('error', onError);
  });
}

/** One body as far as it is here. */
class CollectedBody {
  readonly #held: HeldBytes;
  readonly #buffers: KeptBuffers;
  readonly #declared: number | undefined;
  #buffer: Buffer = none;
  #length = 0;
  /** The newest piece that was copied. */
  #piece: Buffer = none;
  #taken = 0;
  #isEnded = false;
  #isKept = false;

  constructor(options: { held: HeldBytes; buffers: KeptBuffers; declared: number | undefined }) {
    this.#held = options.held;
    this.#buffers = options.buffers;
    this.#declared = options.declared;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Throws `body_too_large` before a byte of it is read. */
  checkLength(): void {
    if (this.#declared !== undefined) checkSize(this.#declared);
  }

  /** Throws `body_too_large` and `queue_full`. */
  append(piece: Buffer): void {
    const length = this.#length + piece.length;
    checkSize(length);
    if (this.#length === 0 && piece.length === this.#declared) {
      this.#takeWhole(piece);
      return;
    }
    if (length > this.#buffer.length) this.#grow(length);
    piece.copy(this.#buffer, this.#length);
    this.#length = length;
    // Node made the one before for this body, and its parser is done with it.
    releaseMemory(this.#piece);
    this.#piece = piece;
  }

  /** The one piece of a small body needs no copy: Node made it for this body. */
  #takeWhole(piece: Buffer): void {
    if (!this.#isEnded) {
      this.#held.take(piece.length);
      this.#taken = piece.length;
    }
    this.#buffer = piece;
    this.#length = piece.length;
  }

  /** Somebody looks into it after the answer: no other body gets its memory. */
  keep(): void {
    this.#isKept = true;
  }

  /**
   * Gives its bytes back. Idempotent. Where the client left before its answer, whatever works on the body in other
   * threads (the parser of numbers, zlib, a run) may still do so, and no other body gets its memory.
   */
  end({ isAnswered }: { isAnswered: boolean }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#held.release(this.#taken);
    this.#taken = 0;
    releaseMemory(this.#piece);
    this.#piece = none;
    // A run that was too late for the answer may still read it.
    if (!isAnswered || this.#isKept || isInUse(this.#buffer)) return;
    this.#buffers.give(this.#buffer);
    // What still arrives goes elsewhere.
    this.#buffer = none;
    this.#length = 0;
  }

  #grow(needed: number): void {
    const declared = this.#declared ?? 0;
    const ahead = declared <= firstBytesMax ? Math.max(declared, smallestBytes) : firstBytesMax;
    const wanted = Math.max(needed, 2 * this.#buffer.length, ahead);
    const size = this.#declared === undefined ? wanted : Math.min(wanted, Math.max(needed, declared));
    if (!this.#isEnded) {
      this.#held.take(size - this.#taken);
      this.#taken = size;
    }
    const grown = this.#buffers.take(size);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffers.give(this.#buffer);
    this.#buffer = grown;
  }
}

function checkSize(bytes: number): void {
  const { scoringBodyBytesMax: bytesMax } = contractLimits;
  if (bytes <= bytesMax) return;
  throw new SluiceError('body_too_large', `body: larger than ${bytesMax} bytes`);
}
