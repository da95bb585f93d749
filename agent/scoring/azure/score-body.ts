import { SluiceError } from '../../../contract/errors.ts';
import type { Tensor, TensorDescription, TensorSignature } from '../../../contract/tensors.ts';
import type { JsonPart } from '../../../native/json-numbers.ts';
import { encodeNested } from '../../tensors/encode.ts';
import { decodeNested } from '../../tensors/nested-input.ts';
import { checkComplete, describedInput, type RequestSignature } from '../../tensors/signature.ts';

/**
 * Reads the body of `/score` for an image without a script: `{ input name: nested arrays }`, or
 * `{ "data": nested arrays }` for a model with one input. Shapes follow from the nesting.
 * `decode` reads a value of the body. Throws `invalid_request` or a `tensor_…` code.
 */
export function decodeScoreBody(
  body: unknown,
  signature: RequestSignature,
  decode: (description: TensorDescription, data: unknown) => Tensor = decodeNested,
): Tensor[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new SluiceError(
      'invalid_request',
      'body: a JSON object of input name to nested arrays was expected',
    );
  }
  const inputs = Object.entries(body).map(([key, data]) =>
    decode(describedInput(signature, aliasOf(key, signature)), data),
  );
  checkComplete(
    signature,
    inputs.map(({ name }) => name),
  );
  return inputs;
}

/**
 * Reads the query of `GET /score` as such a body: every value is JSON, a repeated key is a list.
 * Throws `invalid_json`.
 */
export function queryAsBody(query: Readonly<Record<string, string | string[]>>): Record<string, unknown> {
  const parse = (key: string, text: string): unknown => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new SluiceError('invalid_json', `query ${key}: ${JSON.stringify(text.slice(0, 40))} is not JSON`);
    }
  };
  return Object.fromEntries(
    Object.entries(query).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map((text) => parse(key, text)) : parse(key, value),
    ]),
  );
}

/** The answer of `/score` for an image without a script: `{ output name: nested arrays }`. */
export function encodeScoreBody(outputs: readonly Tensor[]): JsonPart[] {
  const fields = outputs.flatMap((output, index) => [
    `${index === 0 ? '' : ','}${JSON.stringify(output.name)}:`,
    encodeNested(output),
  ]);
  return ['{', ...fields, '}'];
}

function aliasOf(key: string, { inputs }: TensorSignature): string {
  const [only] = inputs;
  const isAlias = key === 'data' && inputs.length === 1 && only !== undefined;
  return isAlias ? only.name : key;
}
