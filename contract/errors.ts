/**
 * Every code that a SluiceError may carry, with the HTTP status that answers it.
 * docs/reference/errors.md lists exactly these; a test keeps the two equal.
 */
export const errorCodes = {
  // Requests
  invalid_json: { status: 400, meaning: 'The body is not valid JSON, or was cut off.' },
  invalid_request: { status: 400, meaning: 'A field is missing, unknown or of the wrong kind.' },
  invalid_name: { status: 400, meaning: 'A name or version does not have the form that names have.' },
  tensor_name: { status: 400, meaning: 'An input is missing, unknown or given twice.' },
  tensor_datatype: { status: 400, meaning: 'An input has another datatype than the model takes.' },
  tensor_shape: { status: 400, meaning: 'An input has another shape than the model takes.' },
  tensor_data: { status: 400, meaning: 'The data of an input has the wrong length or a value out of range.' },
  script_input: { status: 400, meaning: 'The scoring script refused the input.' },
  sequence_unknown: {
    status: 400,
    meaning:
      'The sequence is not known here: never begun, ended, idle too long, or begun with another image.',
  },
  route_unavailable: { status: 400, meaning: 'The route asked for does not exist for this image.' },
  unauthorized: { status: 401, meaning: 'The credentials are missing or wrong.' },
  forbidden: { status: 403, meaning: 'The credentials do not allow this.' },
  unknown_model: { status: 404, meaning: 'No model of that name or version is served here.' },
  no_traffic: { status: 404, meaning: 'The endpoint has no deployment that gets traffic.' },
  not_found: { status: 404, meaning: 'There is nothing under that name or path.' },
  method_not_allowed: { status: 405, meaning: 'The path exists, but not for this method.' },
  request_timeout: { status: 408, meaning: 'The request did not arrive whole in time.' },
  deadline_passed: { status: 408, meaning: 'The answer was not ready by the deadline of the request.' },
  conflict: { status: 409, meaning: 'The state of the workspace does not allow this now.' },
  body_too_large: { status: 413, meaning: 'The body is larger than the limit.' },
  content_encoding: {
    status: 415,
    meaning: 'The body is compressed in a way that is not served, or is damaged.',
  },
  limit_exceeded: { status: 400, meaning: 'A named limit is crossed.' },
  headers_too_large: {
    status: 431,
    meaning: 'The request headers, or one of them, are larger than the limit.',
  },
  queue_full: { status: 429, meaning: 'The queue of the image is full; try again after Retry-After.' },
  sequences_full: {
    status: 429,
    meaning: 'The image keeps as many sequences, or as much state, as it may; try again after Retry-After.',
  },
  deadline_unmet: {
    status: 429,
    meaning: 'The answer could not be ready by the deadline of the request; refused on arrival.',
  },
  cancelled: { status: 499, meaning: 'The client left before the answer was ready.' },
  internal: { status: 500, meaning: 'A defect of Sluice; the log of the process has the details.' },
  script_failed: {
    status: 424,
    meaning: 'The scoring script threw, exited or answered with something unusable.',
  },
  script_timeout: { status: 408, meaning: 'The scoring script did not answer within its time limit.' },
  engine_failed: { status: 500, meaning: 'An inference engine could not load or run the model.' },
  not_ready: { status: 503, meaning: 'Nothing is served here yet.' },

  // Images and their delivery
  blob_digest_mismatch: {
    status: 422,
    meaning: 'The bytes of a blob do not have the digest they are known by.',
  },
  blob_unavailable: { status: 424, meaning: 'The source does not hold, or does not hand out, a blob.' },
  chunk_corrupt: {
    status: 422,
    meaning: 'A chunk kept arriving with bytes that differ from the chunk index.',
  },
  transfer_stalled: { status: 504, meaning: 'A transfer made no progress for too long.' },
  disk_full: { status: 507, meaning: 'There is not enough room on the disk; nothing was changed.' },
  manifest_invalid: { status: 422, meaning: 'An image manifest, or a document it names, is malformed.' },
  signature_invalid: { status: 422, meaning: 'A signature is missing, made by an unknown key, or wrong.' },
  desired_invalid: { status: 422, meaning: 'A desired document is malformed or meant for another device.' },
  desired_stale: { status: 409, meaning: 'A desired document is older than one already accepted.' },
  golden_mismatch: {
    status: 422,
    meaning: 'The image does not reproduce the answers of its golden samples.',
  },
  image_quarantined: {
    status: 409,
    meaning: 'The image failed on this device before and is not tried again.',
  },
  scoring_crashed: { status: 500, meaning: 'The scoring process died while the image was on trial.' },

  // Models, compiler and NPU
  model_invalid: { status: 422, meaning: 'The file is not a readable ONNX model.' },
  model_unsupported: { status: 422, meaning: 'The model uses something that this route cannot run.' },
  verification_failed: {
    status: 422,
    meaning: 'The compiled program and ONNX Runtime gave different bytes.',
  },
  script_invalid: { status: 422, meaning: 'The scoring script cannot be bundled or has no run function.' },
  program_invalid: {
    status: 422,
    meaning: 'An NPU program is malformed, damaged or breaks a hardware limit.',
  },
  program_hardware_mismatch: {
    status: 422,
    meaning: 'An NPU program was compiled for another hardware configuration.',
  },
  device_unavailable: { status: 503, meaning: 'The NPU, or the addon that drives it, cannot be opened.' },
  device_closed: { status: 503, meaning: 'The NPU was closed while work was waiting.' },
  device_timeout: { status: 504, meaning: 'The NPU did not finish within its time limit.' },
  device_fault: { status: 500, meaning: 'The NPU reported a fault while it ran a program.' },
  breaker_open: {
    status: 503,
    meaning: 'The NPU failed and gets no requests until a probe finds it well again.',
  },

  // Processes and set-up
  usage: { status: 400, meaning: 'A command line is wrong.' },
  port_in_use: { status: 500, meaning: 'Another program listens on the port.' },
  state_invalid: { status: 500, meaning: 'A state file on disk is damaged or in use by another process.' },
  insecure_listener: { status: 500, meaning: 'A listener off loopback needs TLS.' },
  workspace_unreachable: { status: 503, meaning: 'The workspace does not answer.' },
  broker_unreachable: { status: 503, meaning: 'The MQTT broker does not answer or refuses the credentials.' },
} as const satisfies Record<string, { status: number; meaning: string }>;

/** One of the closed list of error codes. */
export type ErrorCode = keyof typeof errorCodes;

/** What an error looks like outside the process: HTTP bodies, MQTT reports, IPC messages. */
export interface SerializedError {
  code: ErrorCode;
  message: string;
}

/** Extra facts that some errors carry. */
export interface SluiceErrorOptions {
  cause?: unknown;
  /** Milliseconds after which trying again makes sense; become `Retry-After`, in seconds, and `Retry-After-Ms`. */
  retryAfterMs?: number;
}

/**
 * The one operating error of Sluice. `message` is a single line: what is wrong, where, what was
 * expected, and what to do where that is known. Never put a secret in it.
 */
export class SluiceError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: SluiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SluiceError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The HTTP status that answers this error. */
  get status(): number {
    return errorCodes[this.code].status;
  }

  /** The part that may leave the process. */
  toJSON(): SerializedError {
    return { code: this.code, message: this.message };
  }
}

/** Turns whatever was thrown into a SluiceError; what is not one becomes `code`. */
export function toSluiceError(thrown: unknown, code: ErrorCode = 'internal'): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SluiceError(code, message, { cause: thrown });
}

/** Whether a text is one of the closed list of codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}
