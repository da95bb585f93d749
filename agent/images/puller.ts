import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from '../../base/blob-store.ts';
import { digestOfFile } from '../../base/digest.ts';
import { asDiskError } from '../../base/durable-files.ts';
import { SluiceError } from '../../contract/errors.ts';
import { layerPaths } from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import type { BlobReference, DesiredDeployment } from '../../contract/messages.ts';
import type { Digest } from '../../contract/names.ts';
import type { AgentLimits } from '../agent-limits.ts';
import type { Clock } from '../clock.ts';
import type { TrustedKeys } from '../link/identity.ts';
import type { NpuDescription } from '../supervise/control-protocol.ts';
import { MemoryBlob } from './chunk-sink.ts';
import { checkImageSignature, type ImageBlob, imageBlobs } from './closure.ts';
import { bytesToAllocate } from './disk-room.ts';
import { OpenedImage, parseImageManifest } from './opened-image.ts';
import { PartialBlob } from './partial-blob.ts';
import { ProgressCounter, type PullProgress } from './progress.ts';
import { type BlockChannel, Transfer } from './transfer.ts';

/** What a puller works with. */
export interface PullerOptions {
  blobs: BlobStore;
  /** Folder of partial blobs, on the file system of the store. */
  partialFolder: string;
  channel: BlockChannel;
  /** The keys trusted now; asked anew for each image. */
  trustedKeys: () => TrustedKeys;
  clock: Clock;
  random: () => number;
  limits: AgentLimits;
}

/** One pull. */
export interface PullOptions {
  /** The NPU of this device; null when it has none, and then an image's program is ignored. */
  npu: NpuDescription | null;
  signal: AbortSignal;
  onProgress: (progress: PullProgress) => void;
}

/** Brings all blobs of an image into the store, verified, and refuses a bad image before its large layers. */
export class ImagePuller {
  readonly #options: PullerOptions;
  #nextStream: number;

  constructor(options: PullerOptions) {
    this.#options = options;
    this.#nextStream = Math.floor(options.random() * 0x10000);
  }

  /**
   * Pulls what is missing of a deployment's image; needs no link when nothing is.
   * Throws `signature_invalid`, `manifest_invalid`, `program_hardware_mismatch`, `disk_full` and what a
   * transfer throws.
   */
  async pull(deployment: DesiredDeployment, options: PullOptions): Promise<void> {
    const { blobs, limits: agentLimits } = this.#options;
    const { image, signature } = deployment;
    checkSize(image, limits.manifestBytesMax, 'image manifest');
    checkSize(signature, limits.manifestBytesMax, 'image signature');
    const progress = new ProgressCounter(options.onProgress);
    await this.#bring({ reference: image, chunkIndex: undefined, rank: 0 }, progress, options);
    await this.#bring({ reference: signature, chunkIndex: undefined, rank: 0 }, progress, options);
    checkImageSignature({
      envelope: await blobs.read(signature.digest, { bytesMax: signature.size }),
      image,
      trustedKeys: this.#options.trustedKeys(),
    });
    const manifest = parseImageManifest(await blobs.read(image.digest, { bytesMax: image.size }));
    const closure = imageBlobs(manifest, agentLimits);
    progress.need([image, signature, ...closure.map((blob) => blob.reference)]);
    await this.#checkDisk(closure);
    await this.#bringClosure(image.digest, closure, progress, options);
    progress.verifying();
    await OpenedImage.open(blobs, image.digest);
  }

  /** Removes blobs of an image whose bytes on disk went bad, so that the next pull brings them again. */
  async scrub(image: Digest): Promise<void> {
    const { blobs, limits: agentLimits } = this.#options;
    const closure: BlobReference[] = [];
    try {
      const manifest = parseImageManifest(await blobs.read(image, { bytesMax: limits.manifestBytesMax }));
      closure.push(...imageBlobs(manifest, agentLimits).map((blob) => blob.reference));
    } catch {
      await blobs.remove(image);
      return;
    }
    for (const { digest } of closure) {
      if (!(await blobs.has(digest))) continue;
      if ((await digestOfFile(blobs.path(digest))) !== digest) await blobs.remove(digest);
    }
  }

  async #bringClosure(
    image: Digest,
    closure: readonly ImageBlob[],
    progress: ProgressCounter,
    options: PullOptions,
  ): Promise<void> {
    let hardwareChecked = false;
    for (const blob of closure) {
      if (blob.rank === 2 && !hardwareChecked) {
        hardwareChecked = true;
        await this.#checkHardware(image, options.npu);
      }
      await this.#bring(blob, progress, options);
    }
    if (!hardwareChecked) await this.#checkHardware(image, options.npu);
  }

  async #checkHardware(image: Digest, npu: NpuDescription | null): Promise<void> {
    if (npu === null) return;
    const { run } = await OpenedImage.open(this.#options.blobs, image);
    const wanted = run.routes.npu;
    if (wanted === undefined || wanted.hardwareHash === npu.hash) return;
    throw new SluiceError(
      'program_hardware_mismatch',
      `image ${image}: ${layerPaths.program} is for ${wanted.configuration} (${wanted.hardwareHash.slice(0, 12)}), ` +
        `this device has ${npu.configuration} (${npu.hash.slice(0, 12)}); build the image for ${npu.configuration}`,
    );
  }

  async #checkDisk(closure: readonly ImageBlob[]): Promise<void> {
    const { blobs, partialFolder, limits: agentLimits } = this.#options;
    const references = closure.map((blob) => blob.reference);
    const missingBytes = await bytesToAllocate({ blobs, partialFolder, references });
    if (missingBytes === 0) return;
    await mkdir(partialFolder, { recursive: true });
    const { bavail, bsize } = await statfs(partialFolder);
    if (bavail * bsize >= missingBytes + agentLimits.diskReserveBytes) return;
    throw new SluiceError(
      'disk_full',
      `${partialFolder}: ${bavail * bsize} bytes free, ${missingBytes} and a reserve of ${agentLimits.diskReserveBytes} needed; free some room`,
    );
  }

  async #bring(blob: ImageBlob, progress: ProgressCounter, options: PullOptions): Promise<void> {
    const { blobs, partialFolder } = this.#options;
    const { digest } = blob.reference;
    options.signal.throwIfAborted();
    if (!(await this.#isHere(blob))) {
      await blobs.remove(digest);
      try {
        if (blob.chunkIndex === undefined) await this.#pullSmall(blob.reference, progress, options);
        else await this.#pullIndexed(blob.reference, blob.chunkIndex, progress, options);
      } catch (thrown) {
        throw asDiskError(thrown, partialFolder);
      }
    }
    progress.finish(blob.reference);
  }

  /** What no chunk index covers is hashed: it is small, and if it is damaged nobody else would notice. */
  async #isHere({ reference, chunkIndex }: ImageBlob): Promise<boolean> {
    const { blobs } = this.#options;
    if ((await blobs.size(reference.digest)) !== reference.size) return false;
    return (
      chunkIndex !== undefined || (await digestOfFile(blobs.path(reference.digest))) === reference.digest
    );
  }

  async #pullSmall(reference: BlobReference, progress: ProgressCounter, options: PullOptions): Promise<void> {
    const sink = new MemoryBlob(reference);
    for (let round = 0; round < this.#options.limits.blobRoundsMax; round += 1) {
      await this.#transfer(sink, progress, options).run();
      const bytes = sink.take();
      if (bytes === undefined) continue;
      await this.#options.blobs.put(bytes);
      return;
    }
    throw mismatch(reference, this.#options.limits.blobRoundsMax);
  }

  async #pullIndexed(
    reference: BlobReference,
    chunkIndex: Digest,
    progress: ProgressCounter,
    options: PullOptions,
  ): Promise<void> {
    const { blobs, partialFolder, limits: agentLimits } = this.#options;
    const index = await blobs.read(chunkIndex, { bytesMax: agentLimits.unindexedBlobBytesMax });
    const path = join(partialFolder, reference.digest.slice('sha256:'.length));
    const { journalSyncBytes } = agentLimits;
    const partial = new PartialBlob({ path, reference, index, journalSyncBytes });
    try {
      await partial.start();
      for (let round = 0; round < agentLimits.blobRoundsMax; round += 1) {
        await this.#transfer(partial, progress, options).run();
        progress.verifying();
        if (await partial.verify(options.signal)) {
          await partial.stop();
          await blobs.adopt(path, reference.digest);
          await partial.remove();
          return;
        }
        if (partial.missing().length === 0) {
          const message = `image manifest: chunk index ${chunkIndex} and digest ${reference.digest} disagree`;
          throw new SluiceError('manifest_invalid', message);
        }
      }
      throw mismatch(reference, agentLimits.blobRoundsMax);
    } finally {
      await partial.stop();
    }
  }

  #transfer(sink: MemoryBlob | PartialBlob, progress: ProgressCounter, options: PullOptions): Transfer {
    const stream = this.#nextStream;
    this.#nextStream = (this.#nextStream + 1) & 0xffff;
    progress.current(sink.haveBytes);
    return new Transfer({
      sink,
      channel: this.#options.channel,
      stream,
      clock: this.#options.clock,
      limits: this.#options.limits,
      onProgress: (haveBytes) => progress.current(haveBytes),
      signal: options.signal,
    });
  }
}

function checkSize(reference: BlobReference, bytesMax: number, what: string): void {
  if (reference.size <= bytesMax) return;
  throw new SluiceError(
    'manifest_invalid',
    `${what} ${reference.digest}: ${reference.size} bytes, at most ${bytesMax} allowed`,
  );
}

function mismatch(reference: BlobReference, rounds: number): SluiceError {
  return new SluiceError(
    'blob_digest_mismatch',
    `blob ${reference.digest}: pulled ${rounds} times, and its bytes have another digest each time`,
  );
}
