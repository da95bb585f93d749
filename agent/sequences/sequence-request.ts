import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { brief } from '../tensors/brief.ts';

/** The part that a request has in a sequence. */
export interface SequenceRequest {
  /** A number is its decimal digits, so that 7 and "7" are one sequence. */
  id: string;
  /** Begins anew, whatever there is under the id. */
  isStart: boolean;
  /** The last one: nothing is kept of it. */
  isEnd: boolean;
}

/** The three fields of Triton's sequence extension as they came: parameters, headers or a script's. */
export interface SequenceFields {
  id: unknown;
  start: unknown;
  end: unknown;
}

/** The names of the three fields, for messages. */
export type SequenceFieldNames = Readonly<Record<keyof SequenceFields, string>>;

/** Request parameters of the Open Inference Protocol. */
export const sequenceParameters: SequenceFieldNames = {
  id: 'sequence_id',
  start: 'sequence_start',
  end: 'sequence_end',
};

/** Headers, for every dialect. */
const sequenceHeaders: SequenceFieldNames = {
  id: 'x-sluice-sequence-id',
  start: 'x-sluice-sequence-start',
  end: 'x-sluice-sequence-end',
};

/**
 * Reads the fields; undefined for a request outside sequences, whose id is absent, 0 or empty.
 * Throws `invalid_request`.
 */
export function readSequence(
  { id, start, end }: SequenceFields,
  names: SequenceFieldNames,
): SequenceRequest | undefined {
  const text = readId(id, names.id);
  const isStart = readFlag(start, names.start);
  const isEnd = readFlag(end, names.end);
  if (text !== undefined) return { id: text, isStart, isEnd };
  if (!isStart && !isEnd) return undefined;
  throw new SluiceError(
    'invalid_request',
    `${isStart ? names.start : names.end}: there is no ${names.id} other than 0 that it is about`,
  );
}

/** The fields again, as scripts have them. */
export function fieldsOf(
  sequence: SequenceRequest | undefined,
): { id: string; start: boolean; end: boolean } | undefined {
  if (sequence === undefined) return undefined;
  const { id, isStart: start, isEnd: end } = sequence;
  return { id, start, end };
}

/** The sequence that the parameters of a request name. Throws `invalid_request`. */
export function sequenceOfParameters(
  parameters: Readonly<Record<string, unknown>> | undefined,
): SequenceRequest | undefined {
  const { id, start, end } = sequenceParameters;
  return readSequence(
    { id: parameters?.[id], start: parameters?.[start], end: parameters?.[end] },
    sequenceParameters,
  );
}

/** The sequence that headers name, of which `header` gives the text. Throws `invalid_request`. */
export function sequenceOfHeaders(header: (name: string) => string | undefined): SequenceRequest | undefined {
  const flag = (text: string | undefined): unknown => {
    return text === 'true' || text === 'false' ? text === 'true' : text;
  };
  const { id, start, end } = sequenceHeaders;
  return readSequence(
    { id: header(id), start: flag(header(start)), end: flag(header(end)) },
    sequenceHeaders,
  );
}

/** One sequence from what parameters and headers say; where both do, they must agree. Throws `invalid_request`. */
export function agreedSequence(
  parameters: SequenceRequest | undefined,
  headers: SequenceRequest | undefined,
): SequenceRequest | undefined {
  if (parameters === undefined || headers === undefined) return parameters ?? headers;
  const { id, isStart, isEnd } = parameters;
  if (id === headers.id && isStart === headers.isStart && isEnd === headers.isEnd) return parameters;
  throw new SluiceError(
    'invalid_request',
    `${sequenceParameters.id}: parameters and headers (${sequenceHeaders.id}) say different things about the sequence`,
  );
}

function readId(id: unknown, name: string): string | undefined {
  if (id === undefined || id === null) return undefined;
  const isWhole = typeof id === 'bigint' || Number.isSafeInteger(id);
  const text = isWhole ? String(id) : id;
  const fits = typeof text === 'string' && text.length <= limits.sequenceIdCharsMax;
  if (fits && !(isWhole && text.startsWith('-'))) return text === '' || text === '0' ? undefined : text;
  throw new SluiceError(
    'invalid_request',
    `${name}: ${brief(id)}; a whole number from 0 to 2^53 - 1 or a text of up to ${limits.sequenceIdCharsMax} characters expected`,
  );
}

function readFlag(flag: unknown, name: string): boolean {
  if (flag === undefined || typeof flag === 'boolean') return flag ?? false;
  throw new SluiceError('invalid_request', `${name}: ${brief(flag)}; true or false expected`);
}
