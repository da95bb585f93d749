import { elementType } from '../../compiler/onnx/element-types.ts';
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValue } from '../../compiler/onnx/model.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { seededRandom } from '../networks/seeded-random.ts';

/** Floats of one picture of 3 x 224 x 224. */
export const pictureElements = 3 * 224 * 224;
const pictureShape = [1, 3, 224, 224];

/** A picture in, the mean of each channel out: next to nothing is computed. */
export function meansModel(): Uint8Array {
  return modelOf({
    nodes: [node('GlobalAveragePool', ['input'], 'output')],
    weights: [],
    input: pictureShape,
    output: [1, 3, 1, 1],
  });
}

/** A picture in and out: what is computed is a copy. */
export function pictureModel(): Uint8Array {
  return modelOf({
    nodes: [node('Relu', ['input'], 'output')],
    weights: [],
    input: pictureShape,
    output: pictureShape,
  });
}

/** Two dense layers of 2048, whose 33 MB of weights are read once a run, whatever the batch. */
export function wideModel(): Uint8Array {
  const width = 2048;
  return modelOf({
    nodes: [
      node('Gemm', ['input', 'first'], 'hidden'),
      node('Relu', ['hidden'], 'rectified'),
      node('Gemm', ['rectified', 'second'], 'output'),
    ],
    weights: [weights('first', width, 1), weights('second', width, 2)],
    input: [-1, width],
    output: [-1, width],
  });
}

/** A vector of 512, 64 times, that passes `layers` dense layers of 512, and the mean; its cost grows with them alone. */
export function deepModel(layers: number): Uint8Array {
  const width = 512;
  const rows = 64;
  const name = (layer: number): string => `layer${layer}`;
  return modelOf({
    nodes: [
      node('Expand', ['input', 'rows'], name(0)),
      ...Array.from({ length: layers }, (_, layer) =>
        node('MatMul', [name(layer), 'weights'], name(layer + 1)),
      ),
      node('MatMul', ['means', name(layers)], 'output'),
    ],
    weights: [
      weights('weights', width, 3),
      floats('means', [1, rows], new Float32Array(rows).fill(1 / rows)),
      integers('rows', [rows, width]),
    ],
    input: [1, width],
    output: [1, width],
  });
}

function node(operator: string, inputs: string[], output: string): OnnxNode {
  const attributes = new Map<string, OnnxAttribute>();
  return { name: `n-${output}`, operator, domain: '', inputs, outputs: [output], attributes };
}

function weights(name: string, width: number, seed: number): OnnxTensor {
  const random = seededRandom(seed);
  const scale = 1 / Math.sqrt(width);
  const values = Float32Array.from({ length: width * width }, () => (random() / 2 ** 31 - 1) * scale);
  return floats(name, [width, width], values);
}

function floats(name: string, shape: number[], values: Float32Array): OnnxTensor {
  return { name, elementType: elementType.FLOAT, shape, data: new Uint8Array(values.buffer) };
}

function integers(name: string, values: number[]): OnnxTensor {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, elementType: elementType.INT64, shape: [values.length], data };
}

function modelOf(parts: {
  nodes: OnnxNode[];
  weights: OnnxTensor[];
  input: number[];
  output: number[];
}): Uint8Array {
  const value = (name: string, shape: number[]): OnnxValue => ({
    name,
    elementType: elementType.FLOAT,
    shape,
  });
  return writeModel({
    irVersion: 8,
    opsets: new Map([['', 14]]),
    graph: {
      name: 'bench',
      nodes: parts.nodes,
      initialisers: new Map(parts.weights.map((each) => [each.name, each])),
      inputs: [value('input', parts.input)],
      outputs: [value('output', parts.output)],
    },
  });
}
