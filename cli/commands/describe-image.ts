import type { RunManifest } from '../../contract/image.ts';
import type { Image } from '../../contract/workspace-api.ts';
import { formatCount, shortDigest, table } from '../output.ts';
import { describeGrants } from './script-options.ts';

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
    ...describeRun(run),
    ...describeGrants(run),
  ];
  return `${head.join('\n')}\n\n${layers}`;
}

function describeRun({ routes, sequence, limits }: RunManifest): string[] {
  const { policy, cpu, shadow, batching } = routes;
  const batches =
    batching === undefined
      ? 'as each device finds to be exact and faster'
      : `up to ${batching.itemsMax} items, after ${batching.delayMicroseconds ?? 0} us`;
  const states = sequence?.state.map(({ input, output }) => `${output} as ${input}`).join(', ');
  return [
    `route    ${policy}${shadow === undefined ? '' : `; a share of ${shadow} on both`}`,
    `engine   sessions ${cpu.sessions}, placement ${cpu.placement ?? 'auto'}, queue of ${limits.queueDepth}`,
    `batches  ${batches}`,
    ...(sequence === undefined
      ? []
      : [`state    ${states}; ${sequence.sequencesMax} sequences, ${sequence.idleMs} ms idle`]),
  ];
}
