import { type ErrorCode, type SerializedError, SluiceError } from '../../contract/errors.ts';

/** What `context.infer` rejects with inside a script. */
export class InferFailure extends Error {
  readonly callId: number;
  readonly code: ErrorCode;

  constructor(callId: number, error: SerializedError) {
    super(error.message);
    this.name = 'InferFailure';
    this.callId = callId;
    this.code = error.code;
  }
}

/** Why a run failed, and the `context.infer` that the script let fail, if that is why. */
export interface FailedRun {
  error: SerializedError;
  callId: number | undefined;
}

/**
 * Turns what a script threw into an answer. The input is at fault when the error is named `InputError` or has
 * the code `script_input` or `invalid_json`; anything else is the script's own failure.
 */
export function failureOf(thrown: unknown): FailedRun {
  if (thrown instanceof InferFailure) {
    return { error: { code: thrown.code, message: thrown.message }, callId: thrown.callId };
  }
  if (thrown instanceof SluiceError) {
    // Tensors that a script made and the model cannot take are the script's failure, not the client's.
    if (thrown.code.startsWith('tensor_'))
      return failed('script_failed', `scoring script: ${thrown.message}`);
    return failed(thrown.code, thrown.message);
  }
  const { name, code } = Object(thrown) as { name?: unknown; code?: unknown };
  if (code === 'invalid_json') return failed('invalid_json', textOf(thrown));
  if (name === 'InputError' || code === 'script_input') return failed('script_input', textOf(thrown));
  return failed('script_failed', `scoring script: ${textOf(thrown)}`);
}

/** A value as one text, whatever it is and whatever its own conversion does. */
export function textOf(value: unknown): string {
  try {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return value.message;
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'a value without a readable form';
  }
}

function failed(code: ErrorCode, message: string): FailedRun {
  return { error: { code, message }, callId: undefined };
}
