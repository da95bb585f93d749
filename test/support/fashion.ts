import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { repositoryPath } from './paths.ts';

const pixelsPerImage = 784;
const classes = 10;
const debianImages = '/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz';
const idxHeaderBytes = 16;

/** Fashion-MNIST test images, as bytes of 784 grey values each, with the integer logits of the int8 MLP. */
export interface FashionImages {
  count: number;
  /** One image as the model's FP32 input: pixel / 255. */
  input(index: number): Float32Array;
  /** The ten int8 logits that every route must give. */
  logits(index: number): Int32Array;
}

/** The first 1,000 test images; part of the repository. */
export function firstThousandImages(): FashionImages {
  return imagesFrom(readFileSync(repositoryPath('test/golden/fashion/images-first1000.u8')));
}

/** All 10,000 test images where Debian's dataset-fashion-mnist is installed; undefined elsewhere. */
export function allImages(): FashionImages | undefined {
  if (!existsSync(debianImages)) return undefined;
  return imagesFrom(gunzipSync(readFileSync(debianImages)).subarray(idxHeaderBytes));
}

function imagesFrom(pixels: Uint8Array): FashionImages {
  const bytes = readFileSync(repositoryPath('test/golden/fashion/mlp-pc-logits.i32'));
  const logits = new Int32Array(new Uint8Array(bytes).buffer);
  return {
    count: pixels.length / pixelsPerImage,
    input: (index) =>
      Float32Array.from(
        pixels.subarray(index * pixelsPerImage, (index + 1) * pixelsPerImage),
        (pixel) => pixel / 255,
      ),
    logits: (index) => logits.subarray(index * classes, (index + 1) * classes),
  };
}
