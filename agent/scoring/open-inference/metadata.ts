import { sluiceVersion } from '../../../base/version.ts';
import type { SequenceSettings } from '../../../contract/image.ts';
import type { ModelMetadata } from '../../../contract/open-inference.ts';
import type { Datatype, TensorDescription } from '../../../contract/tensors.ts';
import { describedInput } from '../../tensors/signature.ts';
import type { FoundModel } from '../find-model.ts';
import { isBatchOpen, type ServedImage } from '../served-image.ts';

/** Extensions by the names that Triton gives them; clients look for these. */
const extensions = [
  'classification',
  'sequence',
  'model_repository',
  'schedule_policy',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
] as const;

/** Most items that a client should send at once; more are served as well. */
const advisedBatchMax = 128;

/** Triton's names of datatypes in a model configuration, where they are not `TYPE_` and ours. */
const configurationTypes: Partial<Record<Datatype, string>> = { BYTES: 'TYPE_STRING' };

const usPerMs = 1000;

/** Answer of `GET /v2`. */
export function serverMetadata(name: string): object {
  return { name, version: sluiceVersion, extensions };
}

/** Answer of `GET /v2/models/{name}`. */
export function modelMetadata({ name, image }: FoundModel): ModelMetadata {
  const { inputs, outputs } = image.signature;
  return { name, versions: [String(image.version)], platform: 'onnxruntime_onnx', inputs, outputs };
}

/**
 * Answer of `GET /v2/models/{name}/config`, in the form of Triton's model configuration: when every tensor
 * begins with an open dimension, that is the batch and left out of the dimensions.
 */
export function modelConfiguration({ name, image }: FoundModel): object {
  const isBatched = isBatchOpen(image);
  const tensors = (descriptions: readonly TensorDescription[]): object[] =>
    descriptions.map(({ name: tensor, datatype, shape }) => ({
      name: tensor,
      data_type: configurationType(datatype),
      dims: isBatched ? shape.slice(1) : shape,
    }));
  const sequences = image.sequences?.settings;
  return {
    name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: isBatched ? advisedBatchMax : 0,
    input: tensors(image.signature.inputs),
    output: tensors(image.signature.outputs),
    ...(sequences === undefined ? {} : { sequence_batching: sequenceBatching(image, sequences) }),
    instance_group: image.router.engines.map(({ route }) => ({
      name: `${name}_${route}`,
      kind: 'KIND_AUTO',
    })),
  };
}

function configurationType(datatype: Datatype): string {
  return configurationTypes[datatype] ?? `TYPE_${datatype}`;
}

/** Triton's words for sequences, whose state it keeps as well (implicit state management). */
function sequenceBatching(
  { signature }: ServedImage,
  { state, idleMs, sequencesMax }: SequenceSettings,
): object {
  return {
    max_sequence_idle_microseconds: idleMs * usPerMs,
    oldest: { max_candidate_sequences: sequencesMax },
    state: state.map(({ input, output }) => {
      const { datatype, shape } = describedInput(signature, input);
      return { input_name: input, output_name: output, data_type: configurationType(datatype), dims: shape };
    }),
  };
}
