import { NetworkBuilder } from '../../../bench/networks/network-builder.ts';
import type { Network } from '../../../compiler/network/network.ts';

/** Small networks that together hold every layer kind and the odd sizes that tiling gets wrong. */
export const tinyNetworks: Record<string, () => Network> = {
  'dense chain of odd widths': () => {
    const builder = new NetworkBuilder('dense', 11);
    const input = builder.input({ channels: 37, rows: 1, columns: 1 });
    const hidden = builder.convolution(input, { channels: 50, activation: 'relu' });
    return builder.network([builder.convolution(hidden, { channels: 10 })]);
  },
  'convolutions with uneven padding, stride and dilation': () => {
    const builder = new NetworkBuilder('windows', 12);
    const input = builder.input({ channels: 3, rows: 17, columns: 19 });
    const strided = builder.convolution(input, {
      channels: 20,
      kernel: [5, 3],
      stride: [2, 3],
      pads: [1, 2, 3, 0],
      activation: 'relu6',
    });
    const dilated = builder.convolution(strided, { channels: 17, kernel: [3, 3], dilation: [2, 1] });
    return builder.network([
      builder.convolution(dilated, { channels: 9, kernel: [1, 5], stride: [1, 2], pads: [0, 4, 0, 1] }),
    ]);
  },
  'grouped and depthwise convolutions': () => {
    const builder = new NetworkBuilder('groups', 13);
    const input = builder.input({ channels: 24, rows: 9, columns: 11 });
    const grouped = builder.convolution(input, { channels: 36, kernel: [3, 3], groups: 3 });
    const aligned = builder.convolution(grouped, { channels: 32, groups: 2 });
    const wide = builder.convolution(aligned, { channels: 64, kernel: [3, 1], groups: 2 });
    const odd = builder.convolution(wide, { channels: 21 });
    const filtered = builder.depthwise(odd, { kernel: [3, 5], stride: [2, 1], dilation: [1, 2] });
    return builder.network([
      builder.depthwise(filtered, { kernel: [5, 5], stride: [1, 3], activation: 'relu6' }),
    ]);
  },
  'pools and averages': () => {
    const builder = new NetworkBuilder('pools', 14);
    const input = builder.input({ channels: 18, rows: 13, columns: 15 });
    const maximum = builder.maximumPool(input, { kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1] });
    const dilated = builder.maximumPool(maximum, { kernel: [2, 3], dilation: [2, 1], pads: [0, 0, 1, 2] });
    const average = builder.average(dilated, { kernel: [2, 2], stride: [1, 2], pads: [0, 0, 0, 0] });
    return builder.network([builder.globalAverage(average), maximum]);
  },
  'residual block': () => {
    const builder = new NetworkBuilder('residual', 15);
    const input = builder.input({ channels: 12, rows: 10, columns: 10 });
    const first = builder.convolution(input, { channels: 12, kernel: [3, 3], activation: 'relu' });
    const sum = builder.add(input, builder.convolution(first, { channels: 12, kernel: [3, 3] }), 'relu');
    const again = builder.depthwise(sum, { kernel: [3, 3] });
    return builder.network([builder.add(builder.add(sum, again), first)]);
  },
  'squeeze and excite with hard-swish': () => {
    const builder = new NetworkBuilder('excite', 16);
    const input = builder.input({ channels: 8, rows: 7, columns: 9 });
    const wide = builder.convolution(input, { channels: 22, activation: 'hard-swish' });
    const squeezed = builder.convolution(builder.globalAverage(wide), { channels: 6, activation: 'relu' });
    const gate = builder.table(builder.convolution(squeezed, { channels: 22 }), 'hard-sigmoid');
    const excited = builder.multiply(wide, gate);
    const shift = builder.convolution(squeezed, { channels: 22 });
    return builder.network([
      builder.multiply(builder.add(excited, shift), builder.table(wide, 'sigmoid')),
      excited,
    ]);
  },
  'concat and slice across words': () => {
    const builder = new NetworkBuilder('channels', 17);
    const input = builder.input({ channels: 40, rows: 5, columns: 6 });
    const head = builder.slice(input, 0, 16);
    const middle = builder.slice(input, 13, 10);
    const aligned = builder.concat([head, input]);
    const joined = builder.concat([builder.convolution(middle, { channels: 11 }), aligned, middle]);
    return builder.network([builder.convolution(joined, { channels: 7 }), builder.slice(joined, 11, 23)]);
  },
  'resize and pad': () => {
    const builder = new NetworkBuilder('resize', 18);
    const input = builder.input({ channels: 10, rows: 4, columns: 5 });
    const padded = builder.pad(input, [1, 0, 2, 3]);
    const large = builder.resize(padded, 3, 2);
    const smooth = builder.convolution(large, { channels: 10, kernel: [3, 3], activation: 'relu' });
    return builder.network([smooth, builder.resize(builder.maximumPool(input, { kernel: [2, 2] }), 1, 4)]);
  },
  'two inputs': () => {
    const builder = new NetworkBuilder('inputs', 19);
    const left = builder.input({ channels: 9, rows: 6, columns: 3 });
    const right = builder.input({ channels: 9, rows: 6, columns: 3 });
    return builder.network([
      builder.multiply(builder.add(left, right), right, 'relu'),
      builder.concat([right, left]),
    ]);
  },
};
