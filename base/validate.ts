import type Type from '#typebox';
import { Compile, type Validator } from '#typebox/compile';
import { type ErrorCode, SluiceError } from '../contract/errors.ts';

/** Longest reason in a message: names and values in it come from whoever sent them. */
const reasonLengthMax = 500;

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

/** One mismatch as the schema library reports it. */
interface Mismatch {
  keyword: string;
  instancePath: string;
  params: unknown;
  message: string;
}

/** The first mismatch of a value in one line that names the field, what came and what was expected. */
export function explainMismatch([first]: readonly Mismatch[], value: unknown): string {
  return oneLine(explain(first, value));
}

function explain(first: Mismatch | undefined, value: unknown): string {
  if (first === undefined) return 'does not fit its schema';
  const params = first.params as Record<string, unknown>;
  if (first.keyword === 'required') {
    const missing = (params.requiredProperties as string[] | undefined)?.join(', ');
    return `${fieldOf(first.instancePath)}misses the field ${missing}`;
  }
  if (first.keyword === 'additionalProperties') {
    const unknown = (params.additionalProperties as string[] | undefined)?.join(', ');
    return `${fieldOf(first.instancePath)}has the unknown field ${unknown}`;
  }
  const pattern = typeof params.pattern === 'string' ? ` (${params.pattern})` : '';
  return `${fieldOf(first.instancePath)}${first.message}${pattern}, but is ${brief(at(value, first.instancePath))}`;
}

function fieldOf(instancePath: string): string {
  return instancePath === '' ? '' : `${instancePath.slice(1).replaceAll('/', '.')} `;
}

function at(value: unknown, instancePath: string): unknown {
  let current = value;
  for (const key of instancePath.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return current;
}

function brief(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? 'undefined';
  } catch {
    // JSON.parse takes any depth, JSON.stringify only what fits on the stack.
    text = 'nested too deeply';
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A sender's line breaks and control characters go, and so does what is beyond the longest reason. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ');
  return line.length > reasonLengthMax ? `${line.slice(0, reasonLengthMax - 3)}...` : line;
}
