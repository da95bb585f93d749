import type { Network } from '../../compiler/network/network.ts';
import { NetworkBuilder, type Values } from './network-builder.ts';

/** Expansion, channels, blocks and first stride of each stage: table 2 of arXiv:1801.04381. */
export const invertedStages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const classes = 1000;

/** MobileNetV2's shapes with seeded weights; `width` scales channels, `resolution` is rows and columns. */
export function mobileNetV2({ resolution, width }: { resolution: number; width: number }): Network {
  const builder = new NetworkBuilder(`mobilenet-v2-${resolution}-${width}`, 2);
  const size = { channels: 3, rows: resolution, columns: resolution };
  let values = builder.convolution(builder.input(size), {
    channels: rounded(32 * width),
    kernel: [3, 3],
    stride: [2, 2],
    activation: 'relu6',
    pads: stridePads(2),
  });
  for (const [expansion, channels, blocks, firstStride] of invertedStages) {
    for (let block = 0; block < blocks; block += 1) {
      const stride = block === 0 ? firstStride : 1;
      values = invertedResidual(builder, values, { expansion, channels: rounded(channels * width), stride });
    }
  }
  const features = width > 1 ? rounded(1280 * width) : 1280;
  values = builder.convolution(values, { channels: features, activation: 'relu6' });
  values = builder.convolution(builder.globalAverage(values), { channels: classes });
  return builder.network([values]);
}

function invertedResidual(
  builder: NetworkBuilder,
  input: Values,
  options: { expansion: number; channels: number; stride: number },
): Values {
  const { expansion, channels, stride } = options;
  const wide = input.map.channels * expansion;
  const expanded =
    expansion === 1 ? input : builder.convolution(input, { channels: wide, activation: 'relu6' });
  const filtered = builder.depthwise(expanded, {
    kernel: [3, 3],
    stride: [stride, stride],
    pads: stridePads(stride),
    activation: 'relu6',
  });
  const projected = builder.convolution(filtered, { channels });
  return stride === 1 && channels === input.map.channels ? builder.add(input, projected) : projected;
}

/** Stride 2 pads below and right only, as exports from TensorFlow do for even sizes. */
function stridePads(stride: number): readonly [number, number, number, number] {
  return stride === 2 ? [0, 0, 1, 1] : [1, 1, 1, 1];
}

/** To a multiple of 8, never more than 10 % down: the authors' rule for width multipliers. */
function rounded(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}
