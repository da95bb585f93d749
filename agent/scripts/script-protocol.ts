import type { SerializedError } from '../../contract/errors.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import type { SequenceRequest } from '../sequences/sequence-request.ts';
import type { RequestSignature } from '../tensors/signature.ts';

/** An HTTP request as a scoring script sees it. */
export interface ScriptRequest {
  method: string;
  headers: Record<string, string>;
  query: Record<string, string | string[]>;
  contentType: string | null;
  body: Uint8Array;
  /** What the headers say of a sequence, in the form that `context.infer` takes it. */
  sequence: { id: string; start: boolean; end: boolean } | undefined;
}

/** What a scoring script answered, ready to send. */
export interface ScriptAnswer {
  contentType: string;
  body: Uint8Array;
}

/** The image that a script belongs to, as `context.image`. */
export interface ScriptImage {
  name: Name;
  version: number;
  digest: Digest;
}

/** Levels of `context.log`. */
export type ScriptLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a script's thread is started with. */
export interface ScriptWorkerData {
  source: Uint8Array;
  image: ScriptImage;
  signature: TensorSignature;
  /** Files of the image, by path. */
  files: ReadonlyMap<string, Uint8Array>;
  /** Of a `context.infer` that belongs to a sequence; undefined for a model that keeps none. */
  sequenceSignature: RequestSignature | undefined;
  outputBytesMax: number;
  logLinesMax: number;
  textCharsMax: number;
  /** Text of the two schemas together. */
  schemaCharsMax: number;
}

/** JSON Schemas that a script declares. */
export interface ScriptSchemas {
  input?: object;
  output?: object;
}

/** Host to thread. `begin` loads the script, once; then one `run` at a time; an `infer` is answered by `inferred` or `inferFailed`, an `ask` by `told` or `refused`. */
export type ScriptCommand =
  | { type: 'begin' }
  | { type: 'run'; request: ScriptRequest }
  | { type: 'inferred'; callId: number; outputs: Tensor[] }
  | { type: 'inferFailed'; callId: number; error: SerializedError }
  | { type: 'told'; callId: number; value: ToldValue }
  | { type: 'refused'; callId: number; message: string };

/** What a script asks of the host besides `infer`. */
export type ScriptQuestion =
  | {
      what: 'fetch';
      url: string;
      method: string;
      headers: Record<string, string>;
      body?: string | Uint8Array;
    }
  | { what: 'readFile'; path: string };

/** What a `fetch` brought. */
export interface ToldAnswer {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** Answer to a question: of a `fetch`, or a file's bytes. */
export type ToldValue = ToldAnswer | Uint8Array;

/** Thread to host. `ready` or `failed` comes once after `begin`; then one `answered` or `failed` for each run. */
export type ScriptReport =
  | { type: 'ready'; schemas: ScriptSchemas }
  | { type: 'answered'; answer: ScriptAnswer }
  /** `callId` when the script let the failure of that `context.infer` through. */
  | { type: 'failed'; error: SerializedError; callId: number | undefined }
  | { type: 'infer'; callId: number; inputs: Tensor[]; sequence: SequenceRequest | undefined }
  | { type: 'ask'; callId: number; question: ScriptQuestion }
  | { type: 'log'; level: ScriptLogLevel; message: string };
