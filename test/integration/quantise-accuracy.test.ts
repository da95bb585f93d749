import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { InputShapes } from '../../compiler/import/bind-shapes.ts';
import { type QuantisedPart, quantisePart } from '../../compiler/quantise/quantise.ts';
import { type RegionSample, regionSamples } from '../../compiler/quantise/samples.ts';
import { References, type Score } from '../../compiler/quantise/score.ts';
import { repositoryPath } from '../support/paths.ts';
import { type ImportedPart, partOf } from '../support/quantised-part.ts';

interface Images {
  /** Shape of the model's input. */
  shape: number[];
  pixels: Uint8Array;
  /** From a pixel to what the model takes. */
  toInput: (pixel: number) => number;
  labels: readonly number[];
}

const debianImages = '/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz';
const idxHeaderBytes = 16;
/** Items that are scored at a time. */
const batch = 1000;

function bytes(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(repositoryPath('test', 'golden', ...path)));
}

/** All 10,000 test images where Debian's dataset-fashion-mnist is installed, else the first 1,000. */
function fashionImages(shape: number[]): Images {
  const pixels = existsSync(debianImages)
    ? new Uint8Array(gunzipSync(readFileSync(debianImages)).subarray(idxHeaderBytes))
    : bytes('fashion', 'images-first1000.u8');
  const labels = [...bytes('fashion', 'labels.u8')].slice(0, pixels.length / 784);
  return { shape, pixels, labels, toInput: (pixel) => Math.fround(pixel / 255) };
}

function linesOfText(): Images {
  const labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
  const pixels = bytes('ocr', 'direction-lines.u8');
  return { shape: [1, 3, 48, 192], pixels, labels, toInput: (pixel) => pixel / 127.5 - 1 };
}

/** Inputs of the region, made when they are asked for. */
async function samplesOf(
  images: Images,
  {
    imported,
    name,
    from,
    to,
    step = 1,
  }: { imported: ImportedPart; name: string; from: number; to: number; step?: number },
): Promise<RegionSample[]> {
  const size = images.shape.reduce((product, length) => product * length, 1);
  const tensors = [];
  for (let index = from; index < to; index += step) {
    const values = Float32Array.from(
      images.pixels.subarray(index * size, (index + 1) * size),
      images.toInput,
    );
    const data = new Uint8Array(values.buffer);
    tensors.push([{ name, datatype: 'FP32' as const, shape: images.shape, data }]);
  }
  const { boundaries, head } = imported;
  const samples: RegionSample[] = [];
  for await (const sample of regionSamples(tensors, {
    inputs: boundaries,
    ...(head === undefined ? {} : { head }),
  })) {
    samples.push(sample);
  }
  return samples;
}

interface Outcome {
  float: number;
  int8: number;
  agreement: number;
  count: number;
}

async function outcomeOf(
  quantised: QuantisedPart,
  { imported, images, name }: { imported: ImportedPart; images: Images; name: string },
): Promise<Outcome> {
  const sums = { float: 0, int8: 0, agreement: 0 };
  const count = images.labels.length;
  for (let from = 0; from < count; from += batch) {
    const to = Math.min(from + batch, count);
    const samples = await samplesOf(images, { imported, name, from, to });
    const references = await References.gather(imported.part, {
      samples,
      labels: images.labels.slice(from, to),
    });
    const score: Score = await references.score(quantised, { sampleCount: references.count });
    sums.float += (references.floatAccuracy ?? Number.NaN) * references.count;
    sums.int8 += (score.accuracy ?? Number.NaN) * references.count;
    sums.agreement += (score.agreement ?? Number.NaN) * references.count;
  }
  return { float: sums.float / count, int8: sums.int8 / count, agreement: sums.agreement / count, count };
}

interface Classifier {
  model: () => Uint8Array;
  shapes?: InputShapes;
  input: string;
  images: () => Images;
  /** Images to calibrate on: every `step` from the first to the last. */
  calibration: { to: number; step: number };
  /** Part by which accuracy may fall. */
  lossMax: number;
}

const classifiers: Record<string, Classifier> = {
  'fashion CNN': {
    model: () => bytes('fashion', 'fashion_cnn_f32.onnx'),
    input: 'input',
    images: () => fashionImages([1, 1, 28, 28]),
    calibration: { to: 256, step: 1 },
    lossMax: 0.003,
  },
  'fashion MLP': {
    model: () => bytes('fashion', 'fashion_mlp_f32.onnx'),
    input: 'input',
    images: () => fashionImages([1, 784]),
    calibration: { to: 256, step: 1 },
    lossMax: 0.003,
  },
  // Upright and turned, the first line of each alone is seen before.
  "PaddleOCR's direction classifier": {
    model: () => bytes('ocr', 'ch_ppocr_mobile_v2.0_cls_infer.onnx'),
    shapes: { x: [1, 3, 48, 192] },
    input: 'x',
    images: linesOfText,
    calibration: { to: 10, step: 5 },
    lossMax: 0,
  },
};

describe('post-training quantisation', () => {
  it.each(Object.entries(classifiers))(
    '%s keeps its accuracy',
    async (_, { model, shapes, input: name, images: imagesOf, calibration, lossMax }) => {
      const imported = await partOf(model(), shapes);
      const images = imagesOf();
      const samples = await samplesOf(images, { imported, name, from: 0, ...calibration });
      const quantised = await quantisePart(imported.part, { method: 'auto', samples });
      const outcome = await outcomeOf(quantised, { imported, images, name });
      expect(outcome.count).toBeGreaterThanOrEqual(10);
      expect(outcome.float).toBeGreaterThan(0.88);
      expect(outcome.float - outcome.int8).toBeLessThanOrEqual(lossMax);
      expect(outcome.agreement).toBeGreaterThanOrEqual(0.98);
    },
    120_000,
  );

  it('digits CNN agrees with float on every image', async () => {
    const imported = await partOf(bytes('digits', 'digits_cnn_f32.onnx'));
    const pixels = bytes('digits', 'images.u8');
    const labels = new Array<number>(pixels.length / 64).fill(0);
    const images = { shape: [1, 1, 8, 8], pixels, labels, toInput: (pixel: number) => pixel / 16 };
    const samples = await samplesOf(images, { imported, name: 'input', from: 0, to: 64 });
    const quantised = await quantisePart(imported.part, { method: 'auto', samples });
    const { agreement } = await outcomeOf(quantised, { imported, images, name: 'input' });
    expect(agreement).toBeGreaterThanOrEqual(0.99);
  });
});
