import { invertedStages } from '../../bench/networks/mobile-net-v2.ts';
import { FloatModel } from './float-model.ts';

interface NetworkSize {
  resolution: number;
  /** Part of the published channels. */
  width: number;
}

/** Float MobileNetV2 as PyTorch exports it: batch normalisation behind each convolution, ReLU6 as Clip. */
export function floatMobileNetV2({ resolution, width }: NetworkSize): Uint8Array {
  const model = new FloatModel({ seed: 2 });
  const scaled = (channels: number): number => Math.max(8, Math.round((channels * width) / 8) * 8);
  const bounds = [model.scalar(0), model.scalar(6)];
  const layer = (
    input: string,
    options: { from: number; to: number; kernel?: number; stride?: number; groups?: number; clips?: boolean },
  ): string => {
    const { from, to, kernel = 1, stride = 1, groups = 1, clips = true } = options;
    const pad = (kernel - 1) / 2;
    const convolved = model.convolution(input, {
      from,
      to,
      groups,
      kernel: [kernel, kernel],
      bias: false,
      attributes: { strides: [stride, stride], pads: [pad, pad, pad, pad] },
    });
    const normalised = model.normalisation(convolved, to);
    return clips ? model.add('Clip', [normalised, ...bounds]) : normalised;
  };
  let channels = scaled(32);
  let values = layer(model.input('input', [-1, 3, resolution, resolution]), {
    from: 3,
    to: channels,
    kernel: 3,
    stride: 2,
  });
  for (const [expansion, published, blocks, firstStride] of invertedStages) {
    for (let block = 0; block < blocks; block += 1) {
      const to = scaled(published);
      const stride = block === 0 ? firstStride : 1;
      const wide = channels * expansion;
      const expanded = expansion === 1 ? values : layer(values, { from: channels, to: wide });
      const filtered = layer(expanded, { from: wide, to: wide, kernel: 3, stride, groups: wide });
      const projected = layer(filtered, { from: wide, to, clips: false });
      values = stride === 1 && channels === to ? model.add('Add', [values, projected]) : projected;
      channels = to;
    }
  }
  const features = layer(values, { from: channels, to: scaled(1280) });
  const pooled = model.add('GlobalAveragePool', [features]);
  const flat = model.add('Flatten', [pooled]);
  const logits = model.add(
    'Gemm',
    [flat, model.weights([1000, scaled(1280)], 0.05), model.weights([1000], 0.1)],
    {
      transB: 1,
    },
  );
  return model.write([logits]);
}

/** Float ResNet-50 (arXiv:1512.03385, table 1) with stride in the 3 x 3 convolutions, as PyTorch exports it. */
export function floatResNet50({ resolution, width }: NetworkSize): Uint8Array {
  const model = new FloatModel({ seed: 3 });
  const scaled = (channels: number): number => Math.max(8, Math.round((channels * width) / 8) * 8);
  const layer = (
    input: string,
    options: { from: number; to: number; kernel?: number; stride?: number; rectifies?: boolean },
  ): string => {
    const { from, to, kernel = 1, stride = 1, rectifies = true } = options;
    const pad = (kernel - 1) / 2;
    const attributes = { strides: [stride, stride], pads: [pad, pad, pad, pad] };
    const convolved = model.convolution(input, {
      from,
      to,
      kernel: [kernel, kernel],
      bias: false,
      attributes,
    });
    const normalised = model.normalisation(convolved, to);
    return rectifies ? model.add('Relu', [normalised]) : normalised;
  };
  const stem = layer(model.input('input', [-1, 3, resolution, resolution]), {
    from: 3,
    to: scaled(64),
    kernel: 7,
    stride: 2,
  });
  const window = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  let values = model.add('MaxPool', [stem], window);
  let channels = scaled(64);
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    const inner = scaled(64 * 2 ** stage);
    const to = 4 * inner;
    for (let block = 0; block < blocks; block += 1) {
      const stride = block === 0 && stage > 0 ? 2 : 1;
      const reduced = layer(values, { from: channels, to: inner });
      const filtered = layer(reduced, { from: inner, to: inner, kernel: 3, stride });
      const widened = layer(filtered, { from: inner, to, rectifies: false });
      const shortcut = block === 0 ? layer(values, { from: channels, to, stride, rectifies: false }) : values;
      values = model.add('Relu', [model.add('Add', [widened, shortcut])]);
      channels = to;
    }
  }
  const flat = model.add('Flatten', [model.add('GlobalAveragePool', [values])]);
  const logits = model.add(
    'Gemm',
    [flat, model.weights([1000, channels], 0.05), model.weights([1000], 0.1)],
    {
      transB: 1,
    },
  );
  return model.write([logits]);
}
