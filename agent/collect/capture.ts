import type { DataCollection } from '../../contract/messages.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { BytesPayload, EventOrigin, PayloadAttributes } from './collected-event.ts';
import type { CollectionWriter } from './collection-writer.ts';

/** What a capture needs. */
export interface CaptureOptions {
  collections: DataCollection['collections'];
  origin: EventOrigin;
  writer: Pick<CollectionWriter, 'offer'>;
  /** Milliseconds since 1970. */
  instantMs: () => number;
}

/** One request that is collected. Its methods return at once and never throw. */
export class Capture {
  readonly #options: CaptureOptions;

  constructor(options: CaptureOptions) {
    this.#options = options;
  }

  /** Keeps a payload as it came or left, unless its collection is off; `agoMs` says when. */
  payload(
    collection: 'request' | 'response',
    payload: BytesPayload,
    { attributes, agoMs = 0 }: { attributes: PayloadAttributes; agoMs?: number },
  ): void {
    const { collections, origin, writer, instantMs } = this.#options;
    if (!collections.includes(collection)) return;
    writer.offer(payload.bytes.length, () => ({
      collection,
      origin,
      instantMs: Math.round(instantMs() - agoMs),
      payload: { ...payload, bytes: ownBytes(payload.bytes) },
      attributes,
    }));
  }

  /** Keeps a copy of the tensors of one run of the model: their memory goes to other requests. */
  tensors(collection: 'inputs' | 'outputs', tensors: readonly Tensor[]): void {
    const { collections, origin, writer, instantMs } = this.#options;
    if (!collections.includes(collection)) return;
    const bytes = tensors.reduce((sum, { data }) => sum + data.length, 0);
    writer.offer(bytes, () => ({
      collection,
      origin,
      instantMs: instantMs(),
      payload: { tensors: tensors.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data) })) },
      attributes: {},
    }));
  }
}

/** Bytes that keep no larger buffer alive than they need. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
