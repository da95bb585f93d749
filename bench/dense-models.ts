import { elementType } from '../compiler/onnx/element-types.ts';
import type { OnnxModel, OnnxNode, OnnxTensor } from '../compiler/onnx/model.ts';
import { writeModel } from '../compiler/onnx/write-model.ts';
import { seededRandom } from './networks/seeded-random.ts';

/** Dense float layers of one width with Relu between them, input `x` [-1, width], output `y`. */
export function denseFloatModel(options: { width: number; layers: number }): Uint8Array {
  const { width, layers } = options;
  const random = seededRandom(3);
  const nodes: OnnxNode[] = [];
  const initialisers = new Map<string, OnnxTensor>();
  let from = 'x';
  for (let layer = 0; layer < layers; layer += 1) {
    const weights = Float32Array.from(
      { length: width * width },
      () => (random() / 2 ** 31 - 1) / Math.sqrt(width),
    );
    const name = `w${layer}`;
    initialisers.set(name, {
      name,
      elementType: elementType.FLOAT,
      shape: [width, width],
      data: new Uint8Array(weights.buffer),
    });
    nodes.push(operator('MatMul', { inputs: [from, name], output: `m${layer}` }));
    from = layer === layers - 1 ? 'y' : `r${layer}`;
    nodes.push(operator('Relu', { inputs: [`m${layer}`], output: from }));
  }
  const value = (name: string) => ({ name, elementType: elementType.FLOAT, shape: [-1, width] });
  const model: OnnxModel = {
    irVersion: 8,
    opsets: new Map([['', 14]]),
    graph: { name: 'dense', nodes, initialisers, inputs: [value('x')], outputs: [value('y')] },
  };
  return writeModel(model);
}

function operator(name: string, { inputs, output }: { inputs: string[]; output: string }): OnnxNode {
  return { name: output, operator: name, domain: '', inputs, outputs: [output], attributes: new Map() };
}
