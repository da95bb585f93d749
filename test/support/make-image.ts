import { readFileSync } from 'node:fs';
import type { BlobStore } from '../../base/blob-store.ts';
import { type CompiledModel, compileModel } from '../../compiler/compile.ts';
import { readModelSignature } from '../../compiler/signature.ts';
import {
  annotations,
  type Descriptor,
  type ImageManifest,
  layerPaths,
  mediaTypes,
  type RunManifest,
  type SequenceSettings,
  scriptFilesFolder,
} from '../../contract/image.ts';
import type { Digest } from '../../contract/names.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import type { GoldenSamples, GoldenTensor, Tensor } from '../../contract/tensors.ts';
import { repositoryPath } from './paths.ts';

/** What a test wants of an image; the rest is the sample's. */
export interface ImageParts {
  name?: string;
  version?: number;
  model?: Uint8Array;
  /** Source of a scoring script that needs no bundling. */
  script?: string;
  scriptSettings?: NonNullable<RunManifest['script']>;
  /** Files for the script, by path. */
  files?: Record<string, string>;
  samples?: GoldenSamples['samples'];
  /** Hardware configuration to compile an NPU program for. */
  accelerate?: string;
  /** What to take in place of what the compiler makes of the model. */
  compiled?: Omit<CompiledModel, 'report'>;
  policy?: RunManifest['routes']['policy'];
  shadow?: number;
  sessions?: number;
  queueDepth?: number;
  sequence?: SequenceSettings;
  /** Changes the run manifest before it is written. */
  edit?: (run: RunManifest) => void;
}

/** The int8 MLP of the fashion sample. */
export function fashionModel(): Uint8Array {
  return readFileSync(repositoryPath('samples', 'fashion', 'model.onnx'));
}

/** A tensor as golden samples hold it. */
export function goldenTensor({ name, datatype, shape, data }: Tensor): GoldenTensor {
  return { name, datatype, shape, data: Buffer.from(data).toString('base64') };
}

/** Builds an image in a blob store, in the form that the workspace builds; returns its manifest's digest. */
export async function makeImage(blobs: BlobStore, parts: ImageParts = {}): Promise<Digest> {
  const { accelerate } = parts;
  const given = parts.model ?? fashionModel();
  const compiled =
    accelerate === undefined
      ? undefined
      : (parts.compiled ?? (await compileModel(given, { configuration: accelerate })));
  const model = compiled?.canonicalModel ?? given;
  const layer = async (mediaType: string, bytes: Uint8Array, path?: string): Promise<Descriptor> => {
    const descriptor = { mediaType, digest: await blobs.put(bytes), size: bytes.length };
    return path === undefined ? descriptor : { ...descriptor, annotations: { [annotations.filepath]: path } };
  };
  const run = runManifestOf(parts, model);
  const layers = [await layer(mediaTypes.weights, model, layerPaths.model)];
  if (compiled !== undefined && accelerate !== undefined) {
    const { program, head, tail, inputs, outputs } = compiled;
    layers.push(await layer(mediaTypes.program, program, layerPaths.program));
    if (head !== undefined) layers.push(await layer(mediaTypes.weights, head.model, layerPaths.head));
    if (tail !== undefined) layers.push(await layer(mediaTypes.weights, tail.model, layerPaths.tail));
    run.routes.cpu.keepsQuantisation = true;
    // A copy, because `edit` changes it.
    run.routes.npu = structuredClone({
      configuration: accelerate,
      hardwareHash: hardwareConfigurations[accelerate]?.hash ?? '',
      inputs,
      outputs,
      ...(head === undefined ? {} : { head: head.signature }),
      ...(tail === undefined ? {} : { tail: tail.signature }),
    });
  }
  if (parts.script !== undefined) {
    layers.push(await layer(mediaTypes.code, Buffer.from(parts.script), layerPaths.script));
  }
  for (const [path, text] of Object.entries(parts.files ?? {})) {
    layers.push(await layer(mediaTypes.code, Buffer.from(text), scriptFilesFolder + path));
  }
  if (parts.samples !== undefined) {
    const samples: GoldenSamples = { schemaVersion: 1, samples: parts.samples };
    layers.push(await layer(mediaTypes.samples, jsonBytes(samples), layerPaths.samples));
  }
  parts.edit?.(run);
  layers.push(await layer(mediaTypes.run, jsonBytes(run), layerPaths.run));
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: mediaTypes.modelArtifact,
    config: await layer(mediaTypes.modelConfig, jsonBytes({ name: run.name, version: run.version })),
    layers,
  };
  return blobs.put(jsonBytes(manifest));
}

function runManifestOf(parts: ImageParts, model: Uint8Array): RunManifest {
  return {
    schemaVersion: 1,
    name: parts.name ?? 'fashion',
    version: parts.version ?? 1,
    signature: readModelSignature(model),
    routes: {
      policy: parts.policy ?? 'auto',
      cpu: { sessions: parts.sessions ?? 1 },
      ...(parts.shadow === undefined ? {} : { shadow: parts.shadow }),
    },
    ...(parts.scriptSettings === undefined ? {} : { script: parts.scriptSettings }),
    ...(parts.sequence === undefined ? {} : { sequence: parts.sequence }),
    limits: { queueDepth: parts.queueDepth ?? 16 },
  };
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
