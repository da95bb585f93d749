import type { RunManifest } from '../../contract/image.ts';
import type { Image } from '../../contract/workspace-api.ts';
import { formatCount, shortDigest, table } from '../output.ts';
import { describeGrants } from './script-options.ts';
import { describeSequences } from './sequence-options.ts';
import { describeTuning } from './tuning.ts';

/** Images, one a line. */
export function imageTable(images: Image[]): string {
  return table(
    ['IMAGE', 'BYTES', 'MODEL', 'NPU', 'DIGEST', 'BUILT'],
    images.map((image) => [
      `${image.name}:${image.version}`,
      formatCount(image.sizeBytes),
      image.model,
      image.accelerated ?? '-',
      shortDigest(image.digest),
      image.createdAt,
    ]),
  );
}

/** An image, how it is served, and its layers. */
export function describeImage(image: Image, run: RunManifest): string {
  const layers = table(
    ['LAYER', 'BYTES', 'MEDIA TYPE', 'DIGEST'],
    image.layers.map((layer) => [layer.path, formatCount(layer.sizeBytes), layer.mediaType, layer.digest]),
  );
  const head = [
    `image    ${image.name}:${image.version}`,
    `digest   ${image.digest}`,
    `bytes    ${formatCount(image.sizeBytes)}`,
    `model    ${image.model}`,
    `npu      ${image.accelerated ?? '-'}`,
    `built    ${image.createdAt}`,
    ...describeTuning(run),
    ...describeSequences(run),
    ...describeGrants(run),
  ];
  return `${head.join('\n')}\n\n${layers}`;
}
