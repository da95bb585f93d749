import { sluiceVersion } from '../../../base/version.ts';
import type { ModelMetadata } from '../../../contract/open-inference.ts';
import type { Datatype, TensorDescription } from '../../../contract/tensors.ts';
import type { FoundModel } from '../find-model.ts';
import type { ServedImage } from '../served-image.ts';

/** Extensions by the names that Triton gives them; clients look for these. */
const extensions = [
  'classification',
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
      data_type: configurationTypes[datatype] ?? `TYPE_${datatype}`,
      dims: isBatched ? shape.slice(1) : shape,
    }));
  return {
    name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: isBatched ? advisedBatchMax : 0,
    input: tensors(image.signature.inputs),
    output: tensors(image.signature.outputs),
    instance_group: image.router.engines.map(({ route }) => ({
      name: `${name}_${route}`,
      kind: 'KIND_AUTO',
    })),
  };
}

/** Whether the first dimension of every tensor is the batch. */
export function isBatchOpen({ signature }: ServedImage): boolean {
  return [...signature.inputs, ...signature.outputs].every(({ shape }) => shape[0] === -1);
}
