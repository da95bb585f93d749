import { SluiceError } from '../../contract/errors.ts';
import { layerPaths, type NpuRoute } from '../../contract/image.ts';
import type { TensorSignature } from '../../contract/tensors.ts';
import type { Engine } from '../engines/engine.ts';
import { NpuEngine } from '../engines/npu-engine.ts';
import { stagesOf } from '../engines/npu-stages.ts';
import { type Stage, StagedEngine } from '../engines/staged-engine.ts';
import type { OpenedImage } from '../images/opened-image.ts';
import { type ImageEnvironment, readVerified, requireLayer } from './image-layers.ts';
import type { OpenNpu } from './npu-device.ts';
import { estimateOnHardware, itemMsOnHardware } from './npu-estimate.ts';
import type { ResidentProgram } from './resident-program.ts';
import { startOnnx } from './start-onnx.ts';
import { wantedBatching } from './wanted-batching.ts';

/** An NPU route, and the program that it cannot do without. */
export interface StartedNpu {
  engine: Engine;
  program: ResidentProgram;
}

/**
 * Starts the NPU route of an image; undefined when the image or the device has none. Nothing stays open when
 * it throws: `manifest_invalid`, `program_…`, `blob_…` or `engine_failed`.
 */
export async function startNpu(
  environment: ImageEnvironment,
  image: OpenedImage,
): Promise<StartedNpu | undefined> {
  const { run } = image;
  const route = run.routes.npu;
  if (route === undefined || environment.npu === undefined) return undefined;
  checkHardware(image, route, environment.npu);
  for (const stage of ['head', 'tail'] as const) {
    if ((route[stage] === undefined) === (image.layer(layerPaths[stage]) === undefined)) continue;
    throw new SluiceError(
      'manifest_invalid',
      `image ${image.digest}: layer ${layerPaths[stage]} and routes.npu.${stage} of the run manifest go together`,
    );
  }
  const stages = stagesOf(run.signature, route);
  const { engine, program } = await startProgram(environment, image, {
    npu: environment.npu,
    route,
    signature: stages.npu,
  });
  // Without head and tail a request goes straight to the program.
  if (stages.head === undefined && stages.tail === undefined) return { engine, program };
  const npu = { engine, signature: stages.npu };
  const opened: Engine[] = [engine];
  try {
    const head = await startEnd(environment, image, { stage: 'head', signature: stages.head, opened });
    const tail = await startEnd(environment, image, { stage: 'tail', signature: stages.tail, opened });
    const staged = new StagedEngine({
      what: `image ${run.name}:${run.version} on ${engine.route}`,
      ...(head === undefined ? {} : { head }),
      npu,
      ...(tail === undefined ? {} : { tail }),
      signature: run.signature,
      queueDepthMax: run.limits.queueDepth,
    });
    return { engine: staged, program };
  } catch (thrown) {
    await Promise.all(opened.map((each) => each.close()));
    throw thrown;
  }
}

function checkHardware({ run }: OpenedImage, route: NpuRoute, { description }: OpenNpu): void {
  if (route.hardwareHash === description.hash) return;
  throw new SluiceError(
    'program_hardware_mismatch',
    `image ${run.name}:${run.version}: its NPU program is for the configuration ${route.configuration} ` +
      `(${route.hardwareHash.slice(0, 12)}), this NPU is ${description.configuration} ` +
      `(${description.hash.slice(0, 12)}); build the image for this one`,
  );
}

async function startProgram(
  { blobs, limits, nowMs, log, observer }: ImageEnvironment,
  image: OpenedImage,
  { npu, route, signature }: { npu: OpenNpu; route: NpuRoute; signature: TensorSignature },
): Promise<{ engine: NpuEngine; program: ResidentProgram }> {
  const { run } = image;
  const layer = await requireLayer(blobs, image, layerPaths.program);
  const file = await readVerified(blobs, layer);
  const program = await npu.load(file, () => readVerified(blobs, layer));
  try {
    const estimate = await estimateOnHardware(file, npu.description);
    const itemMs = await itemMsOnHardware(file, npu.description);
    const engine = new NpuEngine({
      ...(estimate === undefined ? {} : { estimate }),
      ...(itemMs === undefined ? {} : { itemMs }),
      what: `image ${run.name}:${run.version} on ${npu.description.route}`,
      route: npu.description.route,
      program,
      inputParallel: npu.device.hardware.inputParallel,
      signature,
      bindings: route,
      queueDepthMax: run.limits.queueDepth,
      timeoutMs: limits.npuTimeoutMs,
      nowMs,
      ...(observer === undefined ? {} : { observer }),
    });
    await engine.start({ wanted: wantedBatching(run, limits), limits, log });
    return { engine, program };
  } catch (thrown) {
    program.unload();
    throw thrown;
  }
}

async function startEnd(
  environment: ImageEnvironment,
  image: OpenedImage,
  options: { stage: 'head' | 'tail'; signature: TensorSignature | undefined; opened: Engine[] },
): Promise<Stage | undefined> {
  const { stage, signature, opened } = options;
  if (signature === undefined) return undefined;
  // An end is no route of its own: its executions are not counted as the CPU's.
  const { observer: _, ...unobserved } = environment;
  const engine = await startOnnx(unobserved, image, { path: layerPaths[stage], signature, sessions: 1 });
  opened.push(engine);
  return { engine, signature };
}
