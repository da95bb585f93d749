import { SluiceError } from '../../contract/errors.ts';
import type { TensorSignature } from '../../contract/tensors.ts';
import type { RequestSignature } from '../tensors/signature.ts';
import { type SequenceRequest, sequenceParameters } from './sequence-request.ts';
import type { Sequences } from './sequences.ts';

/** A model that may keep sequences. */
export interface StatefulModel {
  signature: TensorSignature;
  /** Absent when the image says nothing of state. */
  sequences: Sequences | undefined;
}

/** The sequences of a model that has some. Throws `invalid_request`. */
export function requireSequences({ sequences }: Pick<StatefulModel, 'sequences'>): Sequences {
  if (sequences !== undefined) return sequences;
  throw new SluiceError(
    'invalid_request',
    `${sequenceParameters.id}: the model keeps no state, so it has no sequences; send the request without`,
  );
}

/** What a request must give and gets: outside of sequences the state too. Throws `invalid_request`. */
export function signatureFor(model: StatefulModel, sequence: SequenceRequest | undefined): RequestSignature {
  return sequence === undefined ? model.signature : requireSequences(model).signature;
}
