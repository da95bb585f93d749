import { digestOf } from '../../base/digest.ts';
import type { CompiledModel } from '../../compiler/compile.ts';
import type { WorkerResult } from '../../compiler/compile-in-worker.ts';
import {
  type Batching,
  type CpuRoute,
  layerPaths,
  mediaTypes,
  type NpuRoute,
  type RoutePolicy,
  type RunManifest,
  type ScriptSettings,
  type SequenceSettings,
  scriptFilesFolder,
} from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import type { Digest, Name } from '../../contract/names.ts';
import { decodeProgramHeader } from '../../contract/npu/program.ts';
import { checkSequence } from '../../contract/sequence.ts';
import type { TensorSignature } from '../../contract/tensors.ts';
import type { BuildImage } from '../../contract/workspace-api.ts';

/** A layer that is the same in every version; its source is a blob that the workspace holds, or bytes to write. */
interface ContentLayer {
  path: string;
  mediaType: string;
  source: Digest | Uint8Array;
}

/** A file for the script, which the workspace holds. */
export interface ScriptFile {
  path: string;
  digest: Digest;
}

/** Everything that an image is made of, before it has a version. */
export interface ImageContent {
  name: Name;
  layers: readonly ContentLayer[];
  script: ScriptSettings | undefined;
  routePolicy: RoutePolicy;
  /** Share of requests that run on both routes. */
  shadow: number | undefined;
  signature: TensorSignature;
  batching: Batching | undefined;
  queueDepth: number;
  cpu: CpuRoute;
  npu: NpuRoute | undefined;
  sequence: SequenceSettings | undefined;
}

/** How an image's engines are run; what is left out has its default. */
export type Tuning = Pick<BuildImage, 'sessions' | 'placement' | 'batching' | 'queueDepth'>;

/**
 * Puts together what the compiler gave. An accelerated image serves the canonical model on the CPU. Throws what
 * `checkSequence` does for a state that does not fit the model.
 */
export function imageContent(options: {
  name: Name;
  model: Digest;
  /** The script's blob and how it runs. */
  script: { source: Digest; settings: ScriptSettings; files: readonly ScriptFile[] } | undefined;
  routePolicy: RoutePolicy;
  shadow: number | undefined;
  tuning: Tuning;
  configuration: string | undefined;
  sequence: SequenceSettings | undefined;
  compilation: WorkerResult;
}): ImageContent {
  const { name, model, script, routePolicy, configuration, sequence, shadow, tuning, compilation } = options;
  const { compiled, samples, signature } = compilation;
  if (sequence !== undefined) checkSequence(signature, sequence);
  const layers: ContentLayer[] = [
    { path: layerPaths.model, mediaType: mediaTypes.weights, source: compiled?.canonicalModel ?? model },
  ];
  if (script !== undefined) {
    layers.push({ path: layerPaths.script, mediaType: mediaTypes.code, source: script.source });
    for (const { path, digest } of script.files) {
      layers.push({ path: scriptFilesFolder + path, mediaType: mediaTypes.code, source: digest });
    }
  }
  if (samples !== undefined) {
    const source = Buffer.from(JSON.stringify(samples));
    layers.push({ path: layerPaths.samples, mediaType: mediaTypes.samples, source });
  }
  if (compiled !== undefined) layers.push(...npuLayers(compiled));
  return {
    name,
    layers,
    script: script?.settings,
    routePolicy,
    shadow,
    signature,
    cpu: {
      sessions: tuning.sessions ?? 1,
      ...(tuning.placement === undefined ? {} : { placement: tuning.placement }),
      ...(compiled === undefined ? {} : { keepsQuantisation: true }),
    },
    batching: tuning.batching,
    queueDepth: tuning.queueDepth ?? limits.scoringQueueDepthMax,
    npu:
      compiled === undefined || configuration === undefined ? undefined : npuRoute(compiled, configuration),
    sequence,
  };
}

function npuLayers({ program, head, tail }: CompiledModel): ContentLayer[] {
  const layers: ContentLayer[] = [
    { path: layerPaths.program, mediaType: mediaTypes.program, source: program },
  ];
  for (const [path, part] of [
    [layerPaths.head, head],
    [layerPaths.tail, tail],
  ] as const) {
    if (part !== undefined) layers.push({ path, mediaType: mediaTypes.weights, source: part.model });
  }
  return layers;
}

function npuRoute({ program, inputs, outputs, head, tail }: CompiledModel, configuration: string): NpuRoute {
  return {
    configuration,
    hardwareHash: decodeProgramHeader(program).hardwareHash,
    inputs,
    outputs,
    ...(head === undefined ? {} : { head: head.signature }),
    ...(tail === undefined ? {} : { tail: tail.signature }),
  };
}

/** `run.json` of a version of this content. */
export function runManifest(content: ImageContent, version: number): RunManifest {
  return {
    schemaVersion: 1,
    name: content.name,
    version,
    signature: content.signature,
    routes: {
      policy: content.routePolicy,
      cpu: content.cpu,
      ...(content.npu === undefined ? {} : { npu: content.npu }),
      ...(content.shadow === undefined ? {} : { shadow: content.shadow }),
      ...(content.batching === undefined ? {} : { batching: content.batching }),
    },
    ...(content.script === undefined ? {} : { script: content.script }),
    ...(content.sequence === undefined ? {} : { sequence: content.sequence }),
    limits: { queueDepth: content.queueDepth },
  };
}

/** Identity of the content: equal for two builds whose images would differ in their version alone. */
export function contentDigest(content: ImageContent): Digest {
  const layers = content.layers.map(({ path, source }) => ({
    path,
    digest: typeof source === 'string' ? source : digestOf(source),
  }));
  return digestOf(JSON.stringify({ run: runManifest(content, 0), layers }));
}
