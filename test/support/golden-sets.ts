import { readFileSync } from 'node:fs';
import type { NpuBinding } from '../../contract/image.ts';
import { roundHalfEven, saturate } from './npu-interpreter.ts';
import { repositoryPath } from './paths.ts';

/** Images with the int8 logits that an independent integer reference computed for a model. */
export interface GoldenSet {
  model: Uint8Array;
  images: Uint8Array;
  /** What a pixel is divided by to give the model's float input. */
  divisor: number;
  pixelCount: number;
  imageCount: number;
  logits: Int8Array;
}

const logitsPerImage = 10;

/** Fashion-MNIST, the first 1,000 test images, and the sample model. */
export function fashionSet(): GoldenSet {
  return goldenSet({
    model: repositoryPath('samples', 'fashion', 'model.onnx'),
    images: repositoryPath('test', 'golden', 'fashion', 'images-first1000.u8'),
    logits: repositoryPath('test', 'golden', 'fashion', 'mlp-pc-logits.i32'),
    divisor: 255,
    pixelCount: 784,
  });
}

/** scikit-learn's digits with per-channel, per-tensor or power-of-two scales. */
export function digitsSet(kind: 'pc' | 'pt' | 'p2'): GoldenSet {
  return goldenSet({
    model: repositoryPath('test', 'golden', 'digits', `digits_mlp_qop_${kind}.onnx`),
    images: repositoryPath('test', 'golden', 'digits', 'images.u8'),
    logits: repositoryPath('test', 'golden', 'digits', `digits_mlp_${kind}_intref.i32`),
    divisor: 16,
    pixelCount: 64,
  });
}

function goldenSet(options: {
  model: string;
  images: string;
  logits: string;
  divisor: number;
  pixelCount: number;
}): GoldenSet {
  const { divisor, pixelCount } = options;
  const images = new Uint8Array(readFileSync(options.images));
  const imageCount = images.length / pixelCount;
  const bytes = readFileSync(options.logits);
  const logits = Int8Array.from({ length: imageCount * logitsPerImage }, (_, index) =>
    bytes.readInt32LE(index * 4),
  );
  return {
    model: new Uint8Array(readFileSync(options.model)),
    images,
    divisor,
    pixelCount,
    imageCount,
    logits,
  };
}

/** All images as int8 items of the NPU's input region, quantised with ONNX QuantizeLinear's arithmetic. */
export function quantisedItems(
  set: GoldenSet,
  options: { binding: NpuBinding; inputBytes: number },
): Uint8Array {
  const { binding, inputBytes } = options;
  const items = new Int8Array(set.imageCount * inputBytes);
  for (let image = 0; image < set.imageCount; image += 1) {
    for (let pixel = 0; pixel < set.pixelCount; pixel += 1) {
      const value = Math.fround((set.images[image * set.pixelCount + pixel] ?? 0) / set.divisor);
      const level = roundHalfEven(Math.fround(value / binding.scale)) + binding.zeroPoint;
      items[image * inputBytes + pixel] = saturate(level);
    }
  }
  return new Uint8Array(items.buffer);
}
