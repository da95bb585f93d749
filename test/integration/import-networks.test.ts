import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { InputShapes } from '../../compiler/import/bind-shapes.ts';
import { floatMobileNetV2, floatResNet50 } from '../support/float-networks.ts';
import { repositoryPath } from '../support/paths.ts';
import { compareRebuilt, npuShare } from '../support/rebuilt-model.ts';

function file(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(repositoryPath(...path)));
}

interface Network {
  model: () => Uint8Array;
  shapes?: InputShapes;
  /** Multiply-accumulates of one item, counted by hand or by the paper. */
  work: number;
  stays?: readonly string[];
}

const digitsWork = { cnn: 23_680, mlp: 2368 };
const fashionWork = { cnn: 333_056, mlp: 784 * 64 + 64 * 32 + 32 * 10 };

const floatNetworks: Record<string, Network> = {
  'digits CNN': {
    model: () => file('test', 'golden', 'digits', 'digits_cnn_f32.onnx'),
    work: digitsWork.cnn,
  },
  'digits MLP': {
    model: () => file('test', 'golden', 'digits', 'digits_mlp_f32.onnx'),
    work: digitsWork.mlp,
  },
  'fashion CNN': {
    model: () => file('test', 'golden', 'fashion', 'fashion_cnn_f32.onnx'),
    work: fashionWork.cnn,
  },
  'fashion MLP': {
    model: () => file('test', 'golden', 'fashion', 'fashion_mlp_f32.onnx'),
    work: fashionWork.mlp,
  },
  "PaddleOCR's direction classifier": {
    model: () => file('test', 'golden', 'ocr', 'ch_ppocr_mobile_v2.0_cls_infer.onnx'),
    shapes: { x: [1, 3, 48, 192] },
    work: 16_315_376,
    stays: ['Softmax'],
  },
  'MobileNetV2 at 224 x 224': {
    model: () => floatMobileNetV2({ resolution: 224, width: 1 }),
    work: 300_774_272,
  },
  'ResNet-50 of a quarter of the channels': {
    model: () => floatResNet50({ resolution: 96, width: 0.25 }),
    work: 51_494_912,
  },
};

const quantisedNetworks: Record<string, Network> = {
  'digits CNN, QDQ': {
    model: () => file('test', 'golden', 'digits', 'digits_cnn_qdq_pc.onnx'),
    work: digitsWork.cnn,
  },
  'digits CNN, QLinear': {
    model: () => file('test', 'golden', 'digits', 'digits_cnn_qop_pc.onnx'),
    work: digitsWork.cnn,
  },
  'digits MLP, QDQ': {
    model: () => file('test', 'golden', 'digits', 'digits_mlp_qdq_pc.onnx'),
    work: digitsWork.mlp,
  },
  'digits MLP, QLinear': {
    model: () => file('test', 'golden', 'digits', 'digits_mlp_qop_pt.onnx'),
    work: digitsWork.mlp,
  },
  'fashion CNN, QDQ': {
    model: () => file('test', 'golden', 'fashion', 'fashion_cnn_qdq_pc.onnx'),
    work: fashionWork.cnn,
  },
  'fashion CNN, QLinear': {
    model: () => file('test', 'golden', 'fashion', 'fashion_cnn_qop_pc.onnx'),
    work: fashionWork.cnn,
  },
  'fashion MLP, QLinear': { model: () => file('samples', 'fashion', 'model.onnx'), work: fashionWork.mlp },
};

describe('a network rebuilt from its operations', () => {
  it.each(Object.entries(floatNetworks))('%s computes what the model computes', async (_, network) => {
    const { model, shapes = {}, work, stays = [] } = network;
    const { relativeMax, partition } = await compareRebuilt(model(), { shapes, runs: 2 });
    expect(relativeMax).toBeLessThan(1e-4);
    expect(npuShare(partition)).toBeGreaterThanOrEqual(0.99);
    expect(partition.multiplyAccumulates.total).toBe(work);
    expect(partition.stayed.map(({ node }) => node.operator)).toEqual(stays);
  });

  it.each(Object.entries(quantisedNetworks))(
    '%s computes what the model computes',
    async (_, { model, work }) => {
      const { differing, partition } = await compareRebuilt(model(), { runs: 20 });
      // A float sum may round to the neighbour where the exact one lies half-way between two integers.
      expect(differing).toBeLessThan(0.02);
      expect(npuShare(partition)).toBe(1);
      expect(partition.multiplyAccumulates.total).toBe(work);
      expect(partition.stayed).toEqual([]);
    },
  );
});
