import { elementTypeName } from '../../compiler/onnx/element-types.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import type { Datatype } from '../../contract/tensors.ts';
import { modelOf, node } from './onnx-models.ts';

const onnxNames: Record<Datatype, string> = {
  BOOL: 'BOOL',
  UINT8: 'UINT8',
  UINT16: 'UINT16',
  UINT32: 'UINT32',
  UINT64: 'UINT64',
  INT8: 'INT8',
  INT16: 'INT16',
  INT32: 'INT32',
  INT64: 'INT64',
  FP32: 'FLOAT',
  FP16: 'FLOAT16',
  BF16: 'BFLOAT16',
  FP64: 'DOUBLE',
  BYTES: 'STRING',
};

function codeOf(datatype: Datatype): number {
  for (let code = 0; code < 32; code += 1) if (elementTypeName(code) === onnxNames[datatype]) return code;
  throw new Error(`no ONNX element type for ${datatype}`);
}

/** A model that gives each input back: `in_fp32` [-1, 3] as `out_fp32`, and so on. */
export function identityModel(datatypes: readonly Datatype[]): Uint8Array {
  const value = (prefix: string, datatype: Datatype) => ({
    name: `${prefix}_${datatype.toLowerCase()}`,
    elementType: codeOf(datatype),
    shape: [-1, 3],
  });
  return writeModel(
    modelOf({
      nodes: datatypes.map((datatype) =>
        node('Identity', {
          inputs: [value('in', datatype).name],
          outputs: [value('out', datatype).name],
        }),
      ),
      initialisers: [],
      inputs: datatypes.map((datatype) => value('in', datatype)),
      outputs: datatypes.map((datatype) => value('out', datatype)),
    }),
  );
}

/**
 * A model whose run takes as long as the request says: `size` [2] is the shape of a matrix of zeros that is
 * multiplied with itself `steps` times; the answer is its sum, a scalar. 1200 x 1200 takes some tenths of a second.
 */
export function busyModel(steps = 8): Uint8Array {
  const nodes = [node('ConstantOfShape', { inputs: ['size'], outputs: ['m0'] })];
  for (let step = 0; step < steps; step += 1) {
    nodes.push(node('MatMul', { inputs: [`m${step}`, 'm0'], outputs: [`m${step + 1}`] }));
  }
  const keepNoDimensions = { keepdims: { kind: 'int' as const, value: 0 } };
  nodes.push(node('ReduceSum', { inputs: [`m${steps}`], outputs: ['sum'], attributes: keepNoDimensions }));
  return writeModel(
    modelOf({
      nodes,
      initialisers: [],
      inputs: [{ name: 'size', elementType: codeOf('INT64'), shape: [2] }],
      outputs: [{ name: 'sum', elementType: codeOf('FP32'), shape: [] }],
    }),
  );
}

/**
 * A model that keeps state: `y` [1, 3] is `x` [1, 3] times `gain` (a scalar) added to `sum` [1, 3], and `next` is
 * `y` again, what `sum` is to be in the next run.
 */
export function accumulatorModel(): Uint8Array {
  const elementCode = codeOf('FP32');
  const value = (name: string, shape: number[]) => ({ name, elementType: elementCode, shape });
  return writeModel(
    modelOf({
      nodes: [
        node('Mul', { inputs: ['x', 'gain'], outputs: ['scaled'] }),
        node('Add', { inputs: ['scaled', 'sum'], outputs: ['y'] }),
        node('Identity', { inputs: ['y'], outputs: ['next'] }),
      ],
      initialisers: [],
      inputs: [value('x', [1, 3]), value('gain', []), value('sum', [1, 3])],
      outputs: [value('y', [1, 3]), value('next', [1, 3])],
    }),
  );
}
