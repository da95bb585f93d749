import { digestOf } from '../../base/digest.ts';
import type { WorkerResult } from '../../compiler/compile-in-worker.ts';
import type { RoutePolicy, RunManifest } from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import type { Digest, Name } from '../../contract/names.ts';
import { decodeProgramHeader } from '../../contract/npu/program.ts';
import type { TensorSignature } from '../../contract/tensors.ts';

/** Everything that an image is made of, before it has a version. */
export interface ImageContent {
  name: Name;
  model: Digest;
  script: Digest | undefined;
  /** `samples.json`: golden inputs with the answers that were recorded. */
  samples: Uint8Array | undefined;
  program: Uint8Array | undefined;
  routePolicy: RoutePolicy;
  signature: TensorSignature;
  npu: RunManifest['routes']['npu'];
}

/** Puts together what the compiler gave. */
export function imageContent(options: {
  name: Name;
  model: Digest;
  script: Digest | undefined;
  routePolicy: RoutePolicy;
  configuration: string | undefined;
  compilation: WorkerResult;
}): ImageContent {
  const { compilation, configuration } = options;
  const { compiled, samples } = compilation;
  const npu =
    compiled === undefined || configuration === undefined
      ? undefined
      : {
          configuration,
          hardwareHash: decodeProgramHeader(compiled.program).hardwareHash,
          inputs: compiled.inputs,
          outputs: compiled.outputs,
        };
  return {
    name: options.name,
    model: options.model,
    script: options.script,
    samples: samples === undefined ? undefined : Buffer.from(JSON.stringify(samples)),
    program: compiled?.program,
    routePolicy: options.routePolicy,
    signature: compilation.signature,
    npu,
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
      cpu: { sessions: 1 },
      ...(content.npu === undefined ? {} : { npu: content.npu }),
    },
    ...(content.script === undefined
      ? {}
      : { script: { timeoutMs: limits.scriptTimeoutMs, heapMiB: limits.scriptHeapMiB } }),
    limits: { queueDepth: limits.scoringQueueDepthMax },
  };
}

/** Identity of the content: equal for two builds whose images would differ in their version alone. */
export function contentDigest(content: ImageContent): Digest {
  return digestOf(
    JSON.stringify({
      run: runManifest(content, 0),
      model: content.model,
      script: content.script ?? null,
      samples: content.samples === undefined ? null : digestOf(content.samples),
      program: content.program === undefined ? null : digestOf(content.program),
    }),
  );
}
