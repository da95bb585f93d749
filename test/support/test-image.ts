import type { KeyObject } from 'node:crypto';
import { signEnvelope } from '../../base/dsse.ts';
import {
  annotations,
  type Descriptor,
  type ImageManifest,
  layerPaths,
  mediaTypes,
  type RunManifest,
} from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import {
  type DesiredDeployment,
  type ImageSignature,
  imageSignaturePayloadType,
} from '../../contract/messages.ts';
import { chunkIndexOf, noise, referenceOf } from './blobs.ts';
import type { TestWorkspace } from './test-workspace.ts';

/** What a test image may have wrong. */
export interface TestImageOptions {
  /** Also the seed of its model's bytes. */
  version: number;
  modelBytes?: number;
  key?: KeyObject;
  hardwareHash?: string;
  /** Signs another digest than the manifest's. */
  signsOther?: boolean;
}

/** Puts an image into a test workspace; its model is noise, which is all that a pull needs. */
export function addImage(
  workspace: TestWorkspace,
  name: string,
  options: TestImageOptions,
): DesiredDeployment {
  const put = (mediaType: string, bytes: Uint8Array, filepath?: string): Descriptor => {
    const { digest, size } = referenceOf(bytes);
    workspace.blobs.set(digest, bytes);
    const path = filepath === undefined ? {} : { annotations: { [annotations.filepath]: filepath } };
    return { mediaType, digest, size, ...path };
  };
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  const model = noise(options.modelBytes ?? 3 * limits.chunkBytes + 77, options.version);
  const index = put(mediaTypes.chunkIndex, chunkIndexOf(model));
  const weights = put(mediaTypes.weights, model, layerPaths.model);
  weights.annotations = { ...weights.annotations, [annotations.chunkIndex]: index.digest };
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: mediaTypes.modelArtifact,
    config: put('application/vnd.cncf.model.config.v1+json', json({ version: options.version })),
    layers: [weights, index, put(mediaTypes.run, json(runManifest(name, options)), layerPaths.run)],
  };
  const { digest, size } = put(mediaTypes.manifest, json(manifest));
  const payload: ImageSignature = {
    schemaVersion: 1,
    image: { digest: options.signsOther ? index.digest : digest, size },
    name,
    version: options.version,
  };
  const key = options.key ?? workspace.key;
  const envelope = signEnvelope({ payloadType: imageSignaturePayloadType, payload, key });
  const signature = put(mediaTypes.envelope, envelope);
  return { name, image: { digest, size }, signature: { digest: signature.digest, size: signature.size } };
}

function runManifest(name: string, { version, hardwareHash }: TestImageOptions): RunManifest {
  const tensor = { name: 'input', datatype: 'FP32' as const, shape: [1, 4] };
  const vector = { channels: 4, rows: 1, columns: 1, channelStride: 1, rowStride: 1, columnStride: 1 };
  const binding = { tensor: 'input', scale: 1, zeroPoint: 0, offsetBytes: 0, ...vector };
  const npu =
    hardwareHash === undefined
      ? {}
      : { npu: { configuration: 'other', hardwareHash, inputs: [binding], outputs: [binding] } };
  return {
    schemaVersion: 1,
    name,
    version,
    signature: { inputs: [tensor], outputs: [{ ...tensor, name: 'output' }] },
    routes: { policy: 'auto', cpu: { sessions: 1 }, ...npu },
    limits: { queueDepth: 8 },
  };
}
