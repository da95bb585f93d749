import { NetworkBuilder, type Values } from '../../../bench/networks/network-builder.ts';
import { seededRandom } from '../../../bench/networks/seeded-random.ts';
import type { Network } from '../../../compiler/network/network.ts';

/** A network of up to seven layers of random kinds and sizes, with odd channels, windows and padding. */
export function randomNetwork(seed: number): Network {
  const random = seededRandom(seed);
  const upTo = (count: number): number => Math.floor((random() / 2 ** 32) * count);
  const builder = new NetworkBuilder('random', seed);
  const values = [builder.input({ channels: 1 + upTo(80), rows: 1 + upTo(30), columns: 1 + upTo(40) })] as [
    Values,
    ...Values[],
  ];
  const layerCount = 1 + upTo(7);
  for (let layer = 0; layer < layerCount; layer += 1) {
    const from = values[values.length - 1 - upTo(Math.min(3, values.length))] as Values;
    values.push(randomLayer(builder, { from, values, upTo }));
  }
  const last = values.at(-1) as Values;
  const other = values[1 + upTo(values.length - 1)] as Values;
  return builder.network(other === last ? [last] : [last, other]);
}

interface LayerOptions {
  from: Values;
  values: readonly Values[];
  /** A random integer from 0 to below `count`. */
  upTo: (count: number) => number;
}

function randomLayer(builder: NetworkBuilder, { from, values, upTo }: LayerOptions): Values {
  const { rows, columns, channels } = from.map;
  const alike = values.filter(({ map }) => map.rows === rows && map.columns === columns);
  const anyOf = (choices: readonly Values[]): Values => choices[upTo(choices.length)] as Values;
  const kernel: [number, number] = [1 + upTo(Math.min(5, rows)), 1 + upTo(Math.min(5, columns))];
  const stride: [number, number] = upTo(2) === 0 ? [1, 1] : [1 + upTo(3), 1 + upTo(3)];
  const pads: [number, number, number, number] = [
    upTo(kernel[0]),
    upTo(kernel[1]),
    upTo(kernel[0]),
    upTo(kernel[1]),
  ];
  switch (upTo(8)) {
    case 0:
      return builder.depthwise(from, { kernel, stride, pads });
    case 1:
      return builder.maximumPool(from, { kernel, stride, pads });
    case 2:
      return builder.add(from, anyOf(alike.filter(({ map }) => map.channels === channels)));
    case 3:
      return builder.concat([from, anyOf(alike)]);
    case 4:
      return builder.pad(from, [upTo(9), upTo(9), upTo(9), upTo(9)]);
    case 5:
      if (rows * columns < 900) return builder.resize(from, 1 + upTo(3), 1 + upTo(3));
      return builder.slice(from, 0, 1 + upTo(channels));
    default:
      return builder.convolution(from, { channels: 1 + upTo(60), kernel, stride, pads });
  }
}
