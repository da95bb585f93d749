import type { TensorSignature } from '../../contract/tensors.ts';
import { OnnxEngine } from '../engines/onnx-engine.ts';
import type { OpenedImage } from '../images/opened-image.ts';
import { type ImageEnvironment, requireLayer } from './image-layers.ts';
import { wantedBatching } from './wanted-batching.ts';

/** A model of an image, and how many sessions of it to keep: those of the CPU route without. */
interface ModelLayer {
  path: string;
  signature: TensorSignature;
  sessions?: number;
}

/** Starts ONNX Runtime on a layer of an image. Throws `manifest_invalid`, `blob_…` or `engine_failed`. */
export async function startOnnx(
  environment: ImageEnvironment,
  image: OpenedImage,
  { path, signature, sessions }: ModelLayer,
): Promise<OnnxEngine> {
  const { run } = image;
  const { observer } = environment;
  const { cpu } = run.routes;
  const { digest } = await requireLayer(environment.blobs, image, path);
  const engine = new OnnxEngine({
    what: `image ${run.name}:${run.version}, ${path}`,
    model: { path: environment.blobs.path(digest), digest },
    signature,
    keepsQuantisation: cpu.keepsQuantisation ?? false,
    sessions: sessions ?? cpu.sessions,
    placement: cpu.placement ?? 'auto',
    batching: wantedBatching(run, environment.limits) ?? 'auto',
    queueDepthMax: run.limits.queueDepth,
    limits: environment.limits,
    nowMs: environment.nowMs,
    log: environment.log,
    ...(observer === undefined ? {} : { observer }),
  });
  await engine.start();
  return engine;
}
