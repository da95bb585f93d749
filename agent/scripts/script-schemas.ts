import { explainMismatch } from '../../base/mismatch.ts';
import { SluiceError } from '../../contract/errors.ts';
import { brief } from '../tensors/brief.ts';
import type { ScriptSchemas } from './script-protocol.ts';

/** Checks what goes into a script and what comes out of it. */
export class SchemaChecks {
  /** As the script declares them, without what JSON does not hold. */
  readonly schemas: ScriptSchemas;
  readonly #input: Check | undefined;
  readonly #output: Check | undefined;

  private constructor(schemas: ScriptSchemas, input: Check | undefined, output: Check | undefined) {
    this.schemas = schemas;
    this.#input = input;
    this.#output = output;
  }

  /**
   * Reads `inputSchema` and `outputSchema` of a script's exports: JSON Schemas, among them all that TypeBox
   * makes. Throws `script_invalid`.
   */
  static async read(exports: Readonly<Record<string, unknown>>, charsMax: number): Promise<SchemaChecks> {
    const input = readSchema(exports, 'inputSchema', charsMax);
    const output = readSchema(exports, 'outputSchema', charsMax);
    const schemas = {
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
    };
    return new SchemaChecks(
      schemas,
      await compile('inputSchema', input),
      await compile('outputSchema', output),
    );
  }

  get hasInput(): boolean {
    return this.#input !== undefined;
  }

  get hasOutput(): boolean {
    return this.#output !== undefined;
  }

  /** Throws `script_input` that names the field. */
  checkInput(value: unknown): void {
    const reason = this.#input?.(value);
    if (reason !== undefined) throw new SluiceError('script_input', `body: ${reason}`);
  }

  /** Throws `script_failed`: the answer is the script's own. */
  checkOutput(value: unknown): void {
    const reason = this.#output?.(value);
    if (reason !== undefined) {
      throw new SluiceError(
        'script_failed',
        `scoring script: its answer does not fit outputSchema: ${reason}`,
      );
    }
  }
}

/** What is wrong with a value; undefined for nothing. */
type Check = (value: unknown) => string | undefined;

function readSchema(
  exports: Readonly<Record<string, unknown>>,
  name: string,
  charsMax: number,
): object | undefined {
  const given = exports[name];
  if (given === undefined) return undefined;
  const text = JSON.stringify(given) ?? '';
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new SluiceError(
      'script_invalid',
      `scoring script: ${name} is no JSON Schema (an object is expected)`,
    );
  }
  if (text.length > charsMax) {
    throw new SluiceError(
      'script_invalid',
      `scoring script: ${name} has ${text.length} characters, at most ${charsMax} are allowed`,
    );
  }
  const schema = JSON.parse(text) as object;
  checkReferences(name, schema);
  return schema;
}

/** References lead to the schema itself or to one of its definitions; then they can stand in swagger as well. */
function checkReferences(name: string, schema: object): void {
  const defined = (['$defs', 'definitions'] as const).flatMap((key) =>
    Object.keys((schema as Record<string, object>)[key] ?? {}).map((definition) => `#/${key}/${definition}`),
  );
  JSON.stringify(schema, (key, value: unknown) => {
    if (key === '$ref' && typeof value === 'string' && value !== '#' && !defined.includes(value)) {
      throw new SluiceError(
        'script_invalid',
        `scoring script: ${name} refers to ${brief(value)}, which is none of its definitions`,
      );
    }
    return value;
  });
}

async function compile(name: string, schema: object | undefined): Promise<Check | undefined> {
  if (schema === undefined) return undefined;
  try {
    // Most scripts declare none, and threads start sooner without it.
    const { default: Schema } = await import('#typebox/schema');
    const validator = Schema.Compile(schema);
    return (value) => {
      if (validator.Check(value)) return undefined;
      return explainMismatch(validator.Errors(value)[1], value);
    };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('script_invalid', `scoring script: ${name}: ${reason}`, { cause: thrown });
  }
}
