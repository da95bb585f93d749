import type { ModelSource } from '../find-model.ts';
import type { Mirror } from '../mirror.ts';
import type { Peers } from '../peers.ts';

/** What the protocol needs to answer, over HTTP and over gRPC. */
export interface OpenInferenceOptions extends ModelSource {
  mirror: Mirror;
  /** What `GET /v2` and `ServerMetadata` call the server. */
  serverName: string;
  /** Whether clients may load and unload models. */
  allowsModelControl: boolean;
  /** The other scoring processes of this device, when there are any. */
  peers?: Peers;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
}
