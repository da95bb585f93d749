import { openEnvelope } from '../../base/dsse.ts';
import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import { annotations, type Descriptor, type ImageManifest, mediaTypes } from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import { type BlobReference, ImageSignature, imageSignaturePayloadType } from '../../contract/messages.ts';
import type { Digest } from '../../contract/names.ts';
import type { TrustedKeys } from '../link/identity.ts';

const signatureParser = parserOf(ImageSignature, { what: 'image signature', code: 'signature_invalid' });

/** One blob of an image, and the blob that holds its chunk hashes if it has any. */
export interface ImageBlob {
  reference: BlobReference;
  chunkIndex: Digest | undefined;
  /** 0: run manifest and config; 1: chunk indexes; 2: payload, pulled only when the others are acceptable. */
  rank: 0 | 1 | 2;
}

/** Checks that a trusted key signed exactly this image manifest. Throws `signature_invalid`. */
export function checkImageSignature(options: {
  envelope: Uint8Array;
  image: BlobReference;
  trustedKeys: TrustedKeys;
}): void {
  const { envelope, image, trustedKeys } = options;
  const payload = openEnvelope({ bytes: envelope, payloadType: imageSignaturePayloadType, trustedKeys });
  const signed = signatureParser.parseJson(payload).image;
  if (signed.digest !== image.digest || signed.size !== image.size) {
    throw new SluiceError(
      'signature_invalid',
      `image signature: it is for ${signed.digest} (${signed.size} bytes), the image is ${image.digest} (${image.size} bytes)`,
    );
  }
}

/**
 * Config and layers of an image, each digest once, in the order in which to pull them: run manifest and
 * config first, then chunk indexes, then the rest from small to large, so that what can refuse the image
 * comes before what costs. Throws `manifest_invalid`.
 */
export function imageBlobs(manifest: ImageManifest, options: { unindexedBlobBytesMax: number }): ImageBlob[] {
  const blobs = new Map<Digest, ImageBlob>();
  const indexes = new Set(
    manifest.layers.filter((layer) => layer.mediaType === mediaTypes.chunkIndex).map((layer) => layer.digest),
  );
  for (const descriptor of [manifest.config, ...manifest.layers]) {
    const known = blobs.get(descriptor.digest);
    if (known !== undefined && known.reference.size !== descriptor.size) {
      throw new SluiceError('manifest_invalid', `image manifest: ${descriptor.digest} has two sizes`);
    }
    const rank = descriptor === manifest.config ? 0 : rankOf(descriptor);
    const blob = toBlob(descriptor, { rank, indexes, ...options });
    if (known === undefined || rank < known.rank) blobs.set(descriptor.digest, blob);
  }
  return [...blobs.values()].sort(
    (left, right) => left.rank - right.rank || left.reference.size - right.reference.size,
  );
}

function toBlob(
  descriptor: Descriptor,
  options: { rank: ImageBlob['rank']; indexes: ReadonlySet<Digest>; unindexedBlobBytesMax: number },
): ImageBlob {
  const { digest, size } = descriptor;
  const chunkIndex = descriptor.annotations?.[annotations.chunkIndex];
  if (chunkIndex !== undefined && !options.indexes.has(chunkIndex)) {
    throw new SluiceError('manifest_invalid', `image manifest: the chunk index ${chunkIndex} is not a layer`);
  }
  // A single chunk is verified by the blob's own digest, and what comes before the indexes cannot use them.
  const isIndexed = chunkIndex !== undefined && size > limits.chunkBytes && options.rank === 2;
  if (!isIndexed && size > options.unindexedBlobBytesMax) {
    throw new SluiceError(
      'manifest_invalid',
      `image manifest: ${digest} has ${size} bytes; at most ${options.unindexedBlobBytesMax} without a chunk index`,
    );
  }
  return {
    reference: { digest, size },
    chunkIndex: isIndexed ? chunkIndex : undefined,
    rank: options.rank,
  };
}

function rankOf(layer: Descriptor): ImageBlob['rank'] {
  if (layer.mediaType === mediaTypes.run) return 0;
  return layer.mediaType === mediaTypes.chunkIndex ? 1 : 2;
}
