import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
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
const debianImages = '/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz';
const idxHeaderBytes = 16;

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

/** All 10,000 test images where Debian's dataset-fashion-mnist is installed; undefined elsewhere. */
export function allFashionSet(): GoldenSet | undefined {
  if (!existsSync(debianImages)) return undefined;
  const images = new Uint8Array(gunzipSync(readFileSync(debianImages)).subarray(idxHeaderBytes));
  const imageCount = images.length / 784;
  return {
    ...fashionSet(),
    images,
    imageCount,
    logits: readLogits(repositoryPath('test', 'golden', 'fashion', 'mlp-pc-logits.i32'), imageCount),
  };
}

/** One image as the model's FP32 input. */
export function floatInput(set: GoldenSet, image: number): Float32Array {
  const start = image * set.pixelCount;
  return Float32Array.from(
    set.images.subarray(start, start + set.pixelCount),
    (pixel) => pixel / set.divisor,
  );
}

/** The logits of one image. */
export function logitsOf(set: GoldenSet, image: number): Int8Array {
  return set.logits.subarray(image * logitsPerImage, (image + 1) * logitsPerImage);
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
  const logits = readLogits(options.logits, imageCount);
  return {
    model: new Uint8Array(readFileSync(options.model)),
    images,
    divisor,
    pixelCount,
    imageCount,
    logits,
  };
}

function readLogits(path: string, imageCount: number): Int8Array {
  const bytes = readFileSync(path);
  return Int8Array.from({ length: imageCount * logitsPerImage }, (_, index) => bytes.readInt32LE(index * 4));
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
