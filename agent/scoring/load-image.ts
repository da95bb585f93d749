import { layerPaths } from '../../contract/image.ts';
import { limits as contractLimits } from '../../contract/limits.ts';
import type { Digest } from '../../contract/names.ts';
import { Router } from '../engines/router.ts';
import { OpenedImage } from '../images/opened-image.ts';
import { ScriptHost } from '../scripts/script-host.ts';
import { checkInputs } from '../tensors/signature.ts';
import { type ImageEnvironment, readVerified, requireLayer } from './image-layers.ts';
import { ServedImage } from './served-image.ts';
import { startNpu } from './start-npu.ts';
import { startOnnx } from './start-onnx.ts';
import { warmUp } from './warm-up.ts';

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
    const { observer } = environment;
    const cpu = await startOnnx(environment, image, {
      ...{ path: layerPaths.model, signature: run.signature },
      ...(observer === undefined ? {} : { observer }),
    });
    return new Router({ what: `image ${run.name}:${run.version}`, policy: run.routes.policy, cpu, npu });
  } catch (thrown) {
    await npu?.close();
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
