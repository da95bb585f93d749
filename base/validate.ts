import type Type from '#typebox';
import { Compile, type Validator } from '#typebox/compile';
import Schema from '#typebox/schema';
import { type ErrorCode, SluiceError } from '../contract/errors.ts';
import { explainMismatch, oneLine } from './mismatch.ts';

/** Narrows unknown data to a schema's type, once, at the edge. */
export interface Parser<Value> {
  /** Throws a SluiceError with the parser's code that names the field, what came and what was expected. */
  parse(value: unknown): Value;
  /** The same from JSON text or bytes; what is not JSON gets the parser's code as well. */
  parseJson(json: string | Uint8Array): Value;
}

/**
 * A parser for `schema`; `what` starts each message, `code` is the error's code. It is compiled when it is used a
 * second time: compiling takes as long as many uses do, and much is parsed once, when a process starts.
 */
export function parserOf<Kind extends Type.TSchema>(
  schema: Kind,
  options: { what: string; code: ErrorCode },
): Parser<Type.Static<Kind>> {
  let isUsed = false;
  let validator: Validator | undefined;
  const compiled = (): Validator => {
    validator ??= Compile(schema) as unknown as Validator;
    return validator;
  };
  const parse = (value: unknown): Type.Static<Kind> => {
    const isRight = isUsed ? compiled().Check(value) : Schema.Check(schema, value);
    isUsed = true;
    if (isRight) return value as Type.Static<Kind>;
    const reason = explainMismatch(compiled().Errors(value), value);
    throw new SluiceError(options.code, `${options.what}: ${reason}`);
  };
  return {
    parse,
    parseJson(json) {
      let value: unknown;
      try {
        value = JSON.parse(typeof json === 'string' ? json : new TextDecoder().decode(json));
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        throw new SluiceError(options.code, `${options.what}: ${oneLine(`not JSON (${reason})`)}`, {
          cause: thrown,
        });
      }
      return parse(value);
    },
  };
}
