import type { ScriptRequest } from './script-protocol.ts';

/** What a script's `run` gets as its first argument. */
export interface ScriptInput extends ScriptRequest {
  /** The body as JSON. Throws an error that answers 400. */
  json(): unknown;
  /** The body as UTF-8 text. */
  text(): string;
}

/** Wraps a request for a script. */
export function inputOf(request: ScriptRequest): ScriptInput {
  const text = (): string => new TextDecoder().decode(request.body);
  return {
    ...request,
    text,
    json: () => {
      try {
        return JSON.parse(text()) as unknown;
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        throw Object.assign(new Error(`body: not JSON (${reason})`), { code: 'invalid_json' });
      }
    },
  };
}
