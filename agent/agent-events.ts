import type { SerializedError } from '../contract/errors.ts';
import type { Digest, Name } from '../contract/names.ts';
import type { NpuDescription } from './supervise/control-protocol.ts';

/** Progress that an agent tells whoever runs it. `have` and `need` count bytes of the image. */
export type AgentEvent =
  /** `port` is null without TCP; `socket` is the path of the Unix-domain socket, where there is one. */
  | {
      type: 'listening';
      port: number | null;
      grpcPort?: number;
      socket?: string;
      npu: NpuDescription | null;
    }
  | { type: 'fetching'; deployment: Name; image: Digest; haveBytes: number; needBytes: number }
  | { type: 'verifying'; deployment: Name; image: Digest }
  | { type: 'warming'; deployment: Name; image: Digest }
  | { type: 'serving'; deployment: Name; image: Digest }
  /** Something that may pass by itself went wrong; it is tried again after a while. */
  | { type: 'retrying'; deployment: Name; image: Digest; error: SerializedError }
  /** The image is given up; what served before goes on. */
  | { type: 'failed'; deployment: Name; image: Digest; error: SerializedError };

/** What `agent/main.ts` tells a parent that forked it. */
export type AgentMessage = AgentEvent | { type: 'start-failed'; error: SerializedError };
