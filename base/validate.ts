import type Type from '#typebox';
import { Compile, type Validator } from '#typebox/compile';
import { type ErrorCode, SluiceError } from '../contract/errors.ts';
import { explainMismatch, oneLine } from './mismatch.ts';

/** Narrows unknown data to a schema's type, once, at the edge. */
export interface Parser<Value> {
  /** Throws a SluiceError with the parser's code that names the field, what came and what was expected. */
  parse(value: unknown): Value;
  /** The same from JSON text or bytes; what is not JSON gets the parser's code as well. */
  parseJson(json: string | Uint8Array): Value;
}

/** Compiles a parser for `schema`; `what` starts each message, `code` is the error's code. */
export function parserOf<Schema extends Type.TSchema>(
  schema: Schema,
  options: { what: string; code: ErrorCode },
): Parser<Type.Static<Schema>> {
  let validator: Validator | undefined;
  const parse = (value: unknown): Type.Static<Schema> => {
    validator ??= Compile(schema) as unknown as Validator;
    if (!validator.Check(value)) {
      throw new SluiceError(
        options.code,
        `${options.what}: ${explainMismatch(validator.Errors(value), value)}`,
      );
    }
    return value as Type.Static<Schema>;
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
