import type { Network } from '../../compiler/network/network.ts';
import { NetworkBuilder, type Values } from './network-builder.ts';

/** Inner channels and blocks of each stage: table 1 of arXiv:1512.03385. */
const stages = [
  [64, 3],
  [128, 4],
  [256, 6],
  [512, 3],
] as const;
const classes = 1000;

/** ResNet-50's shapes with seeded weights; stride 2 stands at the 3 x 3 convolution, as in version 1.5. */
export function resNet50({ resolution }: { resolution: number }): Network {
  const builder = new NetworkBuilder(`resnet-50-${resolution}`, 50);
  const input = builder.input({ channels: 3, rows: resolution, columns: resolution });
  let values = builder.convolution(input, {
    channels: 64,
    kernel: [7, 7],
    stride: [2, 2],
    activation: 'relu',
  });
  values = builder.maximumPool(values, { kernel: [3, 3], stride: [2, 2] });
  for (const [stage, [channels, blocks]] of stages.entries()) {
    for (let block = 0; block < blocks; block += 1) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      values = bottleneck(builder, values, { channels, stride });
    }
  }
  return builder.network([builder.convolution(builder.globalAverage(values), { channels: classes })]);
}

function bottleneck(
  builder: NetworkBuilder,
  input: Values,
  options: { channels: number; stride: number },
): Values {
  const { channels, stride } = options;
  const narrow = builder.convolution(input, { channels, activation: 'relu' });
  const filtered = builder.convolution(narrow, {
    channels,
    kernel: [3, 3],
    stride: [stride, stride],
    activation: 'relu',
  });
  const widened = builder.convolution(filtered, { channels: 4 * channels });
  const isSameSize = stride === 1 && input.map.channels === 4 * channels;
  const shortcut = isSameSize
    ? input
    : builder.convolution(input, { channels: 4 * channels, stride: [stride, stride] });
  return builder.add(shortcut, widened, 'relu');
}
