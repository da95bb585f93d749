import { Metadata, status } from '@grpc/grpc-js';
import { SluiceError } from '../../../contract/errors.ts';

/** Statuses by what HTTP answers for the same error (gRPC's document on status codes). */
const statusByHttp = new Map<number, status>([
  [400, status.INVALID_ARGUMENT],
  [401, status.UNAUTHENTICATED],
  [403, status.PERMISSION_DENIED],
  [404, status.NOT_FOUND],
  [405, status.UNIMPLEMENTED],
  [408, status.DEADLINE_EXCEEDED],
  [409, status.FAILED_PRECONDITION],
  [413, status.RESOURCE_EXHAUSTED],
  [415, status.INVALID_ARGUMENT],
  [422, status.FAILED_PRECONDITION],
  [424, status.FAILED_PRECONDITION],
  [429, status.RESOURCE_EXHAUSTED],
  [431, status.INVALID_ARGUMENT],
  [499, status.CANCELLED],
  [500, status.INTERNAL],
  [503, status.UNAVAILABLE],
  [504, status.UNAVAILABLE],
  [507, status.RESOURCE_EXHAUSTED],
]);

/** Trailing metadata: the error's code, and milliseconds after which trying again makes sense. */
const codeKey = 'sluice-code';
const retryKey = 'retry-after-ms';
/** Characters of a message: it goes percent-encoded into a header, and clients take 8 KiB of headers. */
const messageCharsMax = 800;

/** How a call ended that failed. */
export interface CallFailure {
  code: status;
  details: string;
  metadata: Metadata;
}

/** The gRPC status of an error; UNKNOWN for one that HTTP has no error status for. */
export function statusOf(error: SluiceError): status {
  return statusByHttp.get(error.status) ?? status.UNKNOWN;
}

/** What the client learns of an error. A defect becomes `internal`, without a stack. */
export function failureOf(error: SluiceError): CallFailure {
  const metadata = new Metadata();
  metadata.set(codeKey, error.code);
  if (error.retryAfterMs !== undefined) {
    metadata.set(retryKey, String(Math.max(1, Math.ceil(error.retryAfterMs))));
  }
  return { code: statusOf(error), details: messageOf(error), metadata };
}

/** A message that fits a header. Cutting, or a client, may leave half a surrogate pair, which cannot be encoded. */
export function messageOf({ message }: SluiceError): string {
  return Buffer.from(message.slice(0, messageCharsMax), 'utf8').toString('utf8');
}

/** What was thrown as an error that may leave the process. */
export function errorOf(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  return new SluiceError('internal', 'a defect; the log of the scoring process has the details', {
    cause: thrown,
  });
}
