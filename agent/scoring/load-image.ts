import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import { layerPaths, scriptFilesFolder } from '../../contract/image.ts';
import { limits as contractLimits } from '../../contract/limits.ts';
import type { Digest } from '../../contract/names.ts';
import { checkSequence } from '../../contract/sequence.ts';
import { CircuitBreaker } from '../engines/circuit-breaker.ts';
import type { Engine } from '../engines/engine.ts';
import { bothOf } from '../engines/engine-observer.ts';
import { Router, type RouterOptions } from '../engines/router.ts';
import { SecondRuns } from '../engines/second-runs.ts';
import { OpenedImage } from '../images/opened-image.ts';
import { ImageMeters } from '../observe/image-meters.ts';
import { ScriptHost } from '../scripts/script-host.ts';
import type { InferForScript } from '../scripts/script-thread.ts';
import { Sequences } from '../sequences/sequences.ts';
import { checkInputs } from '../tensors/signature.ts';
import { type ImageEnvironment, readVerified, requireLayer } from './image-layers.ts';
import { npuProbe } from './npu-probe.ts';
import { ServedImage } from './served-image.ts';
import { type StartedNpu, startNpu } from './start-npu.ts';
import { startOnnx } from './start-onnx.ts';
import { warmUp } from './warm-up.ts';

/**
 * Opens an image, starts its engines and script, and checks every route against its golden samples. Nothing
 * stays open when it throws: `manifest_invalid`, `blob_…`, `engine_failed`, `program_…`, `script_…` or
 * `golden_mismatch`.
 */
export async function loadImage(common: ImageEnvironment, digest: Digest): Promise<ServedImage> {
  const meters = new ImageMeters();
  const observer = common.observer === undefined ? meters : bothOf(meters, common.observer);
  const environment = { ...common, observer };
  const image = await OpenedImage.open(environment.blobs, digest);
  const sequences = openSequences(environment, image);
  // Its threads come up while the engines start.
  const script = await openScript(environment, image, sequences);
  let router: Router | undefined;
  try {
    router = await startRouter(environment, image);
    await warmUp({ engines: router.engines, image, runs: environment.limits.warmUpRuns });
    await script?.start(inferIn(router, image));
    const { name, version, signature } = image.run;
    meters.beginServing();
    const { collector } = environment;
    return new ServedImage({
      ...{ digest, name, version, signature, router, script, sequences, meters, collector },
    });
  } catch (thrown) {
    await Promise.all([script?.close(), router?.close()]);
    throw thrown;
  }
}

function openSequences(environment: ImageEnvironment, { run }: OpenedImage): Sequences | undefined {
  const { name, version, signature, sequence: settings, limits } = run;
  if (settings === undefined) return undefined;
  try {
    checkSequence(signature, settings);
  } catch (thrown) {
    const reason = toSluiceError(thrown).message;
    throw new SluiceError('manifest_invalid', `run manifest: sequence: ${reason}`, { cause: thrown });
  }
  return new Sequences({
    what: `image ${name}:${version}`,
    signature,
    settings,
    sequenceWaitingMax: environment.limits.sequenceWaitingMax,
    waitingMax: limits.queueDepth,
    stateBytesMax: contractLimits.sequenceStateBytesMax,
    nowMs: environment.nowMs,
  });
}

async function startRouter(environment: ImageEnvironment, image: OpenedImage): Promise<Router> {
  const { run } = image;
  const [npu, cpu] = await bothOrNone(
    startNpu(environment, image),
    startOnnx(environment, image, { path: layerPaths.model, signature: run.signature }),
  );
  const opened: Engine[] = npu === undefined ? [cpu] : [cpu, npu.engine];
  try {
    return new Router({
      what: `image ${run.name}:${run.version}`,
      policy: run.routes.policy,
      cpu,
      npu: npu?.engine,
      nowMs: environment.nowMs,
      ...(npu === undefined ? {} : await twoRoutes({ environment, image, npu, cpu })),
    });
  } catch (thrown) {
    await Promise.all(opened.map((engine) => engine.close()));
    throw thrown;
  }
}

/** Two engines that start side by side. When one fails the other is closed, and the error is thrown. */
async function bothOrNone(
  npu: Promise<StartedNpu | undefined>,
  cpu: Promise<Engine>,
): Promise<[StartedNpu | undefined, Engine]> {
  const [npuStart, cpuStart] = await Promise.allSettled([npu, cpu]);
  if (npuStart.status === 'fulfilled' && cpuStart.status === 'fulfilled') {
    return [npuStart.value, cpuStart.value];
  }
  if (npuStart.status === 'fulfilled') await npuStart.value?.engine.close();
  if (cpuStart.status === 'fulfilled') await cpuStart.value.close();
  throw npuStart.status === 'rejected' ? npuStart.reason : (cpuStart as PromiseRejectedResult).reason;
}

/** What watches over an NPU route beside a CPU route that gives the same bytes. */
async function twoRoutes(options: {
  environment: ImageEnvironment;
  image: OpenedImage;
  npu: StartedNpu;
  cpu: Engine;
}): Promise<Pick<RouterOptions, 'breaker' | 'secondRuns'>> {
  const { environment, image, npu, cpu } = options;
  const { run } = image;
  const { limits, nowMs, log, random = Math.random } = environment;
  const { observer } = environment;
  const breaker = new CircuitBreaker({
    what: `image ${run.name}:${run.version} on ${npu.engine.route}`,
    route: npu.engine.route,
    probe: await npuProbe({ environment, image, npu, cpu }),
    ...{ limits, nowMs, random, log, observer },
  });
  npu.program.watch(breaker);
  const secondRuns = new SecondRuns({
    what: `image ${run.name}:${run.version}`,
    share: run.routes.shadow ?? 0,
    ...{ limits, nowMs, random, log, observer },
  });
  return { breaker, secondRuns };
}

/** The host of an image's script, which is not started; undefined without a script. */
async function openScript(
  environment: ImageEnvironment,
  image: OpenedImage,
  sequences: Sequences | undefined,
): Promise<ScriptHost | undefined> {
  const { run, digest } = image;
  if (image.layer(layerPaths.script) === undefined) return undefined;
  const layer = await requireLayer(environment.blobs, image, layerPaths.script);
  const { scriptTimeoutMs: timeoutMs, scriptHeapMiB: heapMiB } = contractLimits;
  return new ScriptHost({
    what: `script of image ${run.name}:${run.version}`,
    source: await readVerified(environment.blobs, layer),
    settings: run.script ?? { timeoutMs, heapMiB },
    files: await readScriptFiles(environment, image),
    image: { name: run.name, version: run.version, digest },
    signature: run.signature,
    sequenceSignature: sequences?.signature,
    threads: run.routes.cpu.sessions,
    queueDepthMax: run.limits.queueDepth,
    limits: environment.limits,
    nowMs: environment.nowMs,
    log: environment.log,
  });
}

/** What a script's `init` may ask of the model. */
function inferIn(router: Router, { run }: OpenedImage): InferForScript {
  return async (inputs, sequence) => {
    if (sequence !== undefined) {
      throw new SluiceError('invalid_request', 'context.infer: a sequence is for run, not for init');
    }
    checkInputs(run.signature, inputs);
    return (await router.run(router.plan(undefined), inputs)).outputs;
  };
}

/** The files that an image carries for its script. Throws `manifest_invalid` when they are too large together. */
async function readScriptFiles(
  { blobs }: ImageEnvironment,
  image: OpenedImage,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const path of image.paths.filter((each) => each.startsWith(scriptFilesFolder))) {
    const layer = await requireLayer(blobs, image, path);
    bytes += layer.size;
    if (bytes > contractLimits.scriptFilesBytesMax) {
      throw new SluiceError(
        'manifest_invalid',
        `image ${image.digest}: its files for the script have more than ${contractLimits.scriptFilesBytesMax} bytes`,
      );
    }
    files.set(path.slice(scriptFilesFolder.length), await readVerified(blobs, layer));
  }
  return files;
}
