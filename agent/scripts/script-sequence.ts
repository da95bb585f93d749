import { readSequence, type SequenceRequest } from '../sequences/sequence-request.ts';

const names = { id: 'sequence.id', start: 'sequence.start', end: 'sequence.end' };

/**
 * The sequence that the second argument of `context.infer` names: `{ sequence: { id, start?, end? } }`, or none.
 * Throws `invalid_request`.
 */
export function sequenceOfOptions(options: unknown): SequenceRequest | undefined {
  const { sequence } = Object(options) as { sequence?: unknown };
  const { id, start, end } = Object(sequence) as Record<string, unknown>;
  return readSequence({ id, start, end }, names);
}
