import Type from '#typebox';
import type { BlobStore } from '../../base/blob-store.ts';
import { parserOf } from '../../base/validate.ts';
import { calibrationBlobBytesMax, decodeCalibrationSet } from '../../compiler/calibration/calibration-set.ts';
import { compileInWorker, type WorkerJob } from '../../compiler/compile-in-worker.ts';
import { parseQuantiseChoice } from '../../compiler/quantise/method.ts';
import { SluiceError } from '../../contract/errors.ts';
import { mediaTypes, RunManifest, type SequenceSettings } from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import { type Name, parseReference } from '../../contract/names.ts';
import { GoldenTensor } from '../../contract/tensors.ts';
import type { BuildImage } from '../../contract/workspace-api.ts';
import { workspaceLimits } from '../limits.ts';
import type { Database } from '../storage/database.ts';
import type { ImageRecord, ImagesTable } from '../storage/images.ts';
import { readBlobInput } from './blob-input.ts';
import type { BuildQueue } from './build-queue.ts';
import { contentDigest, type ImageContent, imageContent } from './image-content.ts';
import type { ImageWriter } from './image-writer.ts';
import type { ModelRegistry } from './model-registry.ts';
import type { OciLayout } from './oci-layout.ts';
import { readScript } from './script-part.ts';

/** What the image registry needs. */
export interface ImageRegistryOptions {
  database: Database;
  images: ImagesTable;
  models: ModelRegistry;
  blobs: BlobStore;
  writer: ImageWriter;
  layout: OciLayout;
  queue: BuildQueue;
  clock: () => Date;
  signal: AbortSignal;
}

const runParser = parserOf(RunManifest, { what: 'run manifest', code: 'manifest_invalid' });

const samplesParser = parserOf(
  Type.Object(
    {
      samples: Type.Array(
        Type.Object({ inputs: Type.Array(GoldenTensor, { minItems: 1 }) }, { additionalProperties: false }),
        { minItems: 1, maxItems: 1024 },
      ),
    },
    { additionalProperties: false },
  ),
  { what: 'samples', code: 'invalid_request' },
);

/** Built images: a model, what surrounds it, and a version. */
export class ImageRegistry {
  readonly #options: ImageRegistryOptions;

  constructor(options: ImageRegistryOptions) {
    this.#options = options;
  }

  /** All versions of all images. */
  list(): ImageRecord[] {
    return this.#options.images.list();
  }

  /** One version, or the newest. Throws `not_found`. */
  get(name: Name, version?: number): ImageRecord {
    const image = this.#options.images.find(name, version);
    if (image === undefined) {
      const what = version === undefined ? name : `${name}:${version}`;
      throw new SluiceError('not_found', `image ${what} does not exist`);
    }
    return image;
  }

  /** How an image is served. */
  async runManifest(image: ImageRecord): Promise<RunManifest> {
    const layer = image.layers.find(({ mediaType }) => mediaType === mediaTypes.run);
    if (layer === undefined) throw new Error(`image ${image.name}:${image.version} has no run manifest`);
    const { blobs } = this.#options;
    return runParser.parseJson(await blobs.read(layer.digest, { bytesMax: limits.runManifestBytesMax }));
  }

  /** Builds the next version; content that the name already has is that version. */
  build(request: BuildImage): Promise<{ image: ImageRecord; created: boolean }> {
    return this.#options.queue.run(() => this.#build(request));
  }

  async #build(request: BuildImage): Promise<{ image: ImageRecord; created: boolean }> {
    const { images, writer, database, layout } = this.#options;
    const content = await this.#compile(request);
    const identity = contentDigest(content);
    const known = images.findByContent(request.name, identity);
    if (known !== undefined) return { image: known, created: false };
    // Builds run one at a time, so nobody takes this version meanwhile.
    const version = (images.find(request.name)?.version ?? 0) + 1;
    const written = await writer.write(content, version);
    const model = parseReference(request.model);
    const image: ImageRecord = {
      name: request.name,
      version,
      ...written,
      sizeBytes: [written.manifest, written.config, ...written.layers].reduce(
        (sum, { size }) => sum + size,
        0,
      ),
      content: identity,
      modelName: model.name,
      modelVersion: model.version,
      accelerated: content.npu?.configuration ?? null,
      createdAt: this.#options.clock().toISOString(),
    };
    database.transaction(() => images.insert(image));
    await layout.writeIndex(images.list());
    return { image, created: true };
  }

  async #compile(request: BuildImage): Promise<ImageContent> {
    const { models, blobs, signal } = this.#options;
    const reference = parseReference(request.model);
    const model = models.get(reference.name, reference.version);
    const routePolicy = request.routePolicy ?? 'auto';
    if (routePolicy === 'fpga' && request.accelerate === undefined) {
      throw new SluiceError(
        'route_unavailable',
        'routePolicy: fpga needs a program; name a hardware configuration in accelerate',
      );
    }
    if (request.shadow !== undefined && request.accelerate === undefined) {
      throw new SluiceError(
        'route_unavailable',
        'shadow: needs two routes; name a hardware configuration in accelerate',
      );
    }
    const script = await readScript(blobs, request);
    const samples = request.samples === undefined ? undefined : await this.#readSamples(request.samples);
    const quantising = await this.#readQuantising(request);
    checkBatching(request);
    const compilation = await compileInWorker({
      model: await readBlobInput(blobs, model.digest, {
        field: 'model',
        bytesMax: workspaceLimits.modelBytesMax,
      }),
      ...(request.accelerate === undefined ? {} : { accelerate: request.accelerate }),
      ...(samples === undefined ? {} : { samples }),
      ...quantising,
      signal,
    });
    return imageContent({
      name: request.name,
      model: model.digest,
      script,
      routePolicy,
      shadow: request.shadow,
      tuning: request,
      configuration: request.accelerate,
      sequence: sequenceSettings(request.sequence),
      compilation,
    });
  }

  async #readSamples(digest: string): Promise<GoldenTensor[][]> {
    const { blobs } = this.#options;
    const bytes = await readBlobInput(blobs, digest, { field: 'samples', bytesMax: limits.samplesBytesMax });
    return samplesParser.parseJson(bytes).samples.map(({ inputs }) => inputs);
  }
  /** How the compiler gets from floats to integers, as the request says. */
  async #readQuantising(
    request: BuildImage,
  ): Promise<Pick<WorkerJob, 'calibration' | 'labels' | 'shapes' | 'quantise'>> {
    const { calibration, shapes, quantise, accelerate } = request;
    if (accelerate === undefined) {
      if ((calibration ?? shapes ?? quantise) === undefined) return {};
      throw new SluiceError(
        'invalid_request',
        'calibration, shapes and quantise are for the compiler; name a hardware configuration in accelerate',
      );
    }
    const options = { field: 'calibration', bytesMax: calibrationBlobBytesMax };
    const set =
      calibration === undefined
        ? undefined
        : decodeCalibrationSet(await readBlobInput(this.#options.blobs, calibration, options));
    return {
      ...(shapes === undefined ? {} : { shapes }),
      ...(quantise === undefined ? {} : { quantise: parseQuantiseChoice(quantise) }),
      ...(set === undefined ? {} : { calibration: set.samples }),
      ...(set?.labels === undefined ? {} : { labels: set.labels }),
    };
  }
}

function sequenceSettings(request: BuildImage['sequence']): SequenceSettings | undefined {
  if (request === undefined) return undefined;
  const { state, idleMs = limits.sequenceIdleMs, sequencesMax = limits.sequencesKept } = request;
  return { state, idleMs, sequencesMax };
}

function checkBatching({ batching }: BuildImage): void {
  if (batching === undefined) return;
  const large = batching.preferredItems?.find((items) => items > batching.itemsMax);
  if (large === undefined) return;
  throw new SluiceError(
    'invalid_request',
    `batching.preferredItems: ${large} is more than itemsMax, ${batching.itemsMax}`,
  );
}
