import type { Network } from '../../compiler/network/network.ts';
import { type Activation, NetworkBuilder, type Values } from './network-builder.ts';

interface Block {
  kernel: number;
  expanded: number;
  channels: number;
  squeezes: boolean;
  activation: Activation;
  stride: number;
}

/** Rows of table 2 of arXiv:1905.02244 (the small network): one of each kind. */
const blocks: readonly Block[] = [
  { kernel: 3, expanded: 16, channels: 16, squeezes: true, activation: 'relu', stride: 2 },
  { kernel: 3, expanded: 72, channels: 24, squeezes: false, activation: 'relu', stride: 2 },
  { kernel: 3, expanded: 88, channels: 24, squeezes: false, activation: 'relu', stride: 1 },
  { kernel: 5, expanded: 96, channels: 40, squeezes: true, activation: 'hard-swish', stride: 2 },
  { kernel: 5, expanded: 240, channels: 40, squeezes: true, activation: 'hard-swish', stride: 1 },
];
const classes = 100;

/** A shortened MobileNetV3 with seeded weights: hard-swish, 5 x 5 depthwise, squeeze-and-excite. */
export function mobileNetV3({ resolution }: { resolution: number }): Network {
  const builder = new NetworkBuilder(`mobilenet-v3-${resolution}`, 3);
  const input = builder.input({ channels: 3, rows: resolution, columns: resolution });
  let values = builder.convolution(input, {
    channels: 16,
    kernel: [3, 3],
    stride: [2, 2],
    activation: 'hard-swish',
  });
  for (const block of blocks) values = appendBlock(builder, values, block);
  values = builder.convolution(values, { channels: 240, activation: 'hard-swish' });
  values = builder.convolution(builder.globalAverage(values), { channels: 256, activation: 'hard-swish' });
  return builder.network([builder.convolution(values, { channels: classes })]);
}

function appendBlock(builder: NetworkBuilder, input: Values, block: Block): Values {
  const { kernel, expanded, channels, squeezes, activation, stride } = block;
  const wide =
    expanded === input.map.channels ? input : builder.convolution(input, { channels: expanded, activation });
  const filtered = builder.depthwise(wide, {
    kernel: [kernel, kernel],
    stride: [stride, stride],
    activation,
  });
  const excited = squeezes ? squeezeAndExcite(builder, filtered) : filtered;
  const projected = builder.convolution(excited, { channels });
  return stride === 1 && channels === input.map.channels ? builder.add(input, projected) : projected;
}

function squeezeAndExcite(builder: NetworkBuilder, input: Values): Values {
  const { channels } = input.map;
  const squeezed = builder.convolution(builder.globalAverage(input), {
    channels: Math.max(8, Math.ceil(channels / 32) * 8),
    activation: 'relu',
  });
  const gate = builder.table(builder.convolution(squeezed, { channels }), 'hard-sigmoid');
  return builder.multiply(input, gate);
}
