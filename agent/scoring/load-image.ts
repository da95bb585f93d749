import { readFile } from 'node:fs/promises';
import type { BlobStore } from '../../base/blob-store.ts';
import { digestOfFile } from '../../base/digest.ts';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import { type Descriptor, layerPaths } from '../../contract/image.ts';
import { limits as contractLimits } from '../../contract/limits.ts';
import type { Digest } from '../../contract/names.ts';
import type { Engine } from '../engines/engine.ts';
import { NpuEngine } from '../engines/npu-engine.ts';
import { OnnxEngine, startOnnxWorker } from '../engines/onnx-engine.ts';
import { Router } from '../engines/router.ts';
import { OpenedImage } from '../images/opened-image.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { ScriptHost } from '../scripts/script-host.ts';
import { checkInputs } from '../tensors/signature.ts';
import type { OpenNpu } from './npu-device.ts';
import { estimateOnHardware } from './npu-estimate.ts';
import { ServedImage } from './served-image.ts';
import { warmUp } from './warm-up.ts';

/** Where images come from and what they run on. */
export interface ImageEnvironment {
  blobs: BlobStore;
  npu: OpenNpu | undefined;
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
}

/**
 * Opens an image, starts its engines and script, and checks every route against its golden samples. Nothing
 * stays open when it throws: `manifest_invalid`, `blob_…`, `engine_failed`, `program_…`, `script_…` or
 * `golden_mismatch`.
 */
export async function loadImage(environment: ImageEnvironment, digest: Digest): Promise<ServedImage> {
  const image = await OpenedImage.open(environment.blobs, digest);
  const router = await startRouter(environment, image);
  try {
    await warmUp({ engines: router.engines, image, runs: environment.limits.warmUpRuns });
    const script = await startScript({ environment, image, router });
    const { name, version, signature } = image.run;
    return new ServedImage({ digest, name, version, signature, router, script });
  } catch (thrown) {
    await router.close();
    throw thrown;
  }
}

async function startRouter(environment: ImageEnvironment, image: OpenedImage): Promise<Router> {
  const { run } = image;
  const npu = await startNpu(environment, image);
  try {
    const cpu = await startCpu(environment, image);
    return new Router({ what: `image ${run.name}:${run.version}`, policy: run.routes.policy, cpu, npu });
  } catch (thrown) {
    await npu?.close();
    throw thrown;
  }
}

async function startCpu(environment: ImageEnvironment, image: OpenedImage): Promise<OnnxEngine> {
  const { run } = image;
  const { digest } = await requireLayer(environment.blobs, image, layerPaths.model);
  const engine = new OnnxEngine({
    what: `image ${run.name}:${run.version} on cpu`,
    model: { path: environment.blobs.path(digest), digest },
    signature: run.signature,
    sessions: run.routes.cpu.sessions,
    queueDepthMax: run.limits.queueDepth,
    limits: environment.limits,
    nowMs: environment.nowMs,
    log: environment.log,
    startWorker: startOnnxWorker,
  });
  await engine.start();
  return engine;
}

async function startNpu(environment: ImageEnvironment, image: OpenedImage): Promise<Engine | undefined> {
  const { run } = image;
  const { npu, blobs, limits, nowMs } = environment;
  if (run.routes.npu === undefined || npu === undefined) return undefined;
  if (run.routes.npu.hardwareHash !== npu.description.hash) {
    throw new SluiceError(
      'program_hardware_mismatch',
      `image ${run.name}:${run.version}: its NPU program is for the configuration ${run.routes.npu.configuration} ` +
        `(${run.routes.npu.hardwareHash.slice(0, 12)}), this NPU is ${npu.description.configuration} ` +
        `(${npu.description.hash.slice(0, 12)}); build the image for this one`,
    );
  }
  const file = await readVerified(blobs, await requireLayer(blobs, image, layerPaths.program));
  const program = await npu.device.load(file);
  try {
    const estimate = await estimateOnHardware(file, npu.description);
    return new NpuEngine({
      ...(estimate === undefined ? {} : { estimate }),
      what: `image ${run.name}:${run.version} on ${npu.description.route}`,
      route: npu.description.route,
      program,
      signature: run.signature,
      npu: run.routes.npu,
      queueDepthMax: run.limits.queueDepth,
      timeoutMs: limits.npuTimeoutMs,
      nowMs,
    });
  } catch (thrown) {
    program.unload();
    throw thrown;
  }
}

async function startScript(options: {
  environment: ImageEnvironment;
  image: OpenedImage;
  router: Router;
}): Promise<ScriptHost | undefined> {
  const { environment, image, router } = options;
  const { run, digest } = image;
  if (image.layer(layerPaths.script) === undefined) return undefined;
  const layer = await requireLayer(environment.blobs, image, layerPaths.script);
  const { scriptTimeoutMs: timeoutMs, scriptHeapMiB: heapMiB } = contractLimits;
  const host = new ScriptHost({
    what: `script of image ${run.name}:${run.version}`,
    source: await readVerified(environment.blobs, layer),
    settings: run.script ?? { timeoutMs, heapMiB },
    image: { name: run.name, version: run.version, digest },
    signature: run.signature,
    threads: run.routes.cpu.sessions,
    queueDepthMax: run.limits.queueDepth,
    infer: async (inputs) => {
      checkInputs(run.signature, inputs);
      return (await router.run(router.plan(undefined), inputs)).outputs;
    },
    limits: environment.limits,
    nowMs: environment.nowMs,
    log: environment.log,
  });
  await host.start();
  return host;
}

/** A layer whose blob is here. Throws `manifest_invalid` or `blob_unavailable`. */
async function requireLayer(blobs: BlobStore, image: OpenedImage, path: string): Promise<Descriptor> {
  const layer = image.layer(path);
  if (layer === undefined)
    throw new SluiceError('manifest_invalid', `image ${image.digest}: no layer ${path}`);
  if (await blobs.has(layer.digest)) return layer;
  throw new SluiceError(
    'blob_unavailable',
    `image ${image.digest}: the blob of layer ${path} (${layer.digest}) is not here`,
  );
}

/** A blob of any size, hashed piece by piece so that requests go on meanwhile. Throws `blob_digest_mismatch`. */
async function readVerified(blobs: BlobStore, { digest }: Descriptor): Promise<Uint8Array> {
  const path = blobs.path(digest);
  const actual = await digestOfFile(path);
  if (actual === digest) return readFile(path);
  throw new SluiceError(
    'blob_digest_mismatch',
    `blob ${digest}: its bytes on disk have the digest ${actual}`,
  );
}
