import { SluiceError } from '../../contract/errors.ts';
import type { ScriptAnswer } from './script-protocol.ts';

/**
 * Turns what a script's `run` returned into a body: bytes and text as they are, anything else as JSON, where
 * typed arrays become arrays and big integers numbers, or strings beyond 2^53. Throws `script_failed`.
 */
export function answerOf(result: unknown, bytesMax: number): ScriptAnswer {
  const answer = unboundedAnswerOf(result);
  if (answer.body.length <= bytesMax) return answer;
  throw new SluiceError(
    'script_failed',
    `scoring script: its answer has ${answer.body.length} bytes, at most ${bytesMax} are allowed`,
  );
}

function unboundedAnswerOf(result: unknown): ScriptAnswer {
  if (result instanceof Uint8Array) {
    // A copy, because a message would clone the whole buffer of a view.
    return { contentType: 'application/octet-stream', body: new Uint8Array(result) };
  }
  if (typeof result === 'string') {
    return { contentType: 'text/plain; charset=utf-8', body: new TextEncoder().encode(result) };
  }
  const json: string | undefined = JSON.stringify(result, replace);
  if (json === undefined) {
    throw new SluiceError(
      'script_failed',
      `scoring script: run returned ${typeof result}, which is no answer`,
    );
  }
  return { contentType: 'application/json; charset=utf-8', body: new TextEncoder().encode(json) };
}

function replace(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as ArrayLike<unknown>);
  }
  return value;
}
