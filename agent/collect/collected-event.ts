import type { Collection } from '../../contract/messages.ts';
import type { Name } from '../../contract/names.ts';
import type { Tensor } from '../../contract/tensors.ts';

/** Whose request it is that lines are about. */
export interface EventOrigin {
  /** The endpoint that the deployment stands behind; one that stands alone is its own. */
  endpoint: Name;
  deployment: Name;
  modelVersion: string;
  /** The same in all lines of a request, and in no other. */
  correlationId: string;
  /** `x-request-id`; the correlation id for a request that has none. */
  requestId: string;
}

/** A payload as it came or left. */
export interface BytesPayload {
  bytes: Uint8Array;
  contentType: string | undefined;
  /** `gzip` or `deflate`, when the bytes are so. */
  coding?: string | undefined;
  /** Of the JSON in front of binary tensors, as the header says it. */
  headerLength?: string | undefined;
}

/** Attributes that payloads have besides those of every line. */
export interface PayloadAttributes {
  method?: string;
  path?: string;
  statuscode?: string;
}

/** What will be a line. */
export interface CollectedEvent {
  collection: Collection;
  origin: EventOrigin;
  /** Milliseconds since 1970. */
  instantMs: number;
  payload: BytesPayload | { tensors: readonly Tensor[] };
  attributes: PayloadAttributes;
}
