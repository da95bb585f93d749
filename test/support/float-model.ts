import { elementType } from '../../compiler/onnx/element-types.ts';
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValue } from '../../compiler/onnx/model.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { elementCount } from '../../contract/tensor-data.ts';
import { constant, modelOf } from './onnx-models.ts';
import { seededRandom } from './random.ts';

/** Attributes as plain JavaScript: a number with a fraction or `float()` is a FLOAT, a whole one an INT. */
export type Attributes = Readonly<Record<string, number | string | readonly number[] | OnnxAttribute>>;

/** A FLOAT attribute, for values that happen to be whole. */
export function float(value: number): OnnxAttribute {
  return { kind: 'float', value };
}

/** An ONNX model under construction, with seeded random weights. */
export class FloatModel {
  readonly nodes: OnnxNode[] = [];
  readonly initialisers: OnnxTensor[] = [];
  readonly inputs: OnnxValue[] = [];
  readonly outputs: OnnxValue[] = [];
  readonly #random: () => number;
  readonly #opset: number;

  constructor({ seed = 1, opset = 17 }: { seed?: number; opset?: number } = {}) {
    this.#random = seededRandom(seed * 7919 + 13);
    this.#opset = opset;
  }

  /** A float graph input. */
  input(name: string, shape: readonly number[], code: number = elementType.FLOAT): string {
    this.inputs.push({ name, elementType: code, shape });
    return name;
  }

  /** A node; its output's name unless it has several. */
  add(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.split(operator, { inputs, count: 1, attributes })[0] ?? '';
  }

  /** A node of several outputs. */
  split(
    operator: string,
    { inputs, count, attributes = {} }: { inputs: readonly string[]; count: number; attributes?: Attributes },
  ): string[] {
    const [name = '', domain = ''] = operator.split('@');
    const id = `${name.toLowerCase()}${this.nodes.length}`;
    const outputs = Array.from({ length: count }, (_, index) => (count === 1 ? id : `${id}.${index}`));
    const entries = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
    this.nodes.push({
      name: `n-${id}`,
      operator: name,
      domain,
      inputs,
      outputs,
      attributes: new Map(entries),
    });
    return outputs;
  }

  /** Uniform random weights from -limit to limit. */
  weights(shape: readonly number[], limit: number): string {
    const values = Float32Array.from(
      { length: elementCount(shape) },
      () => (this.#random() / 2 ** 31 - 1) * limit,
    );
    return this.#tensor(elementType.FLOAT, { shape, values });
  }

  /** Given float numbers: a list unless a shape is given. */
  floats(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#tensor(elementType.FLOAT, { shape, values: Float32Array.from(values) });
  }

  /** A float scalar. */
  scalar(value: number): string {
    return this.floats([value], []);
  }

  /** Given int64 numbers. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const tensor = constant.int64(`c${this.initialisers.length}`, [...values], [...shape]);
    this.initialisers.push(tensor);
    return tensor.name;
  }

  /** Given bytes as INT8 or UINT8. */
  bytes(values: readonly number[], shape: readonly number[], code: number = elementType.INT8): string {
    return this.#tensor(code, { shape, values: Uint8Array.from(values, (value) => value & 0xff) });
  }

  /** Given INT32 numbers. */
  words(values: readonly number[]): string {
    return this.#tensor(elementType.INT32, { shape: [values.length], values: Int32Array.from(values) });
  }

  /** Conv with weights of unit gain for ReLU networks, and a bias. */
  convolution(
    input: string,
    options: { from: number; to: number; kernel?: readonly number[]; groups?: number; bias?: boolean } & {
      attributes?: Attributes;
    },
  ): string {
    const { from, to, kernel = [1, 1], groups = 1, bias = true, attributes = {} } = options;
    const fanIn = (from / groups) * elementCount(kernel);
    const operands = [input, this.weights([to, from / groups, ...kernel], Math.sqrt(3 / fanIn) * 1.3)];
    if (bias) operands.push(this.weights([to], 0.2));
    return this.add('Conv', operands, { kernel_shape: kernel, group: groups, ...attributes });
  }

  /** BatchNormalization with random statistics. */
  normalisation(input: string, channels: number): string {
    const around = (centre: number, spread: number): string =>
      this.floats(Array.from({ length: channels }, () => centre + (this.#random() / 2 ** 31 - 1) * spread));
    return this.add('BatchNormalization', [
      input,
      around(1, 0.3),
      around(0, 0.2),
      around(0, 0.2),
      around(1, 0.4),
    ]);
  }

  /** The file, with the named float outputs. */
  write(outputs: readonly string[]): Uint8Array {
    const given = outputs.map((name) => ({ name, elementType: elementType.FLOAT, shape: undefined }));
    return writeModel(
      modelOf({
        nodes: this.nodes,
        initialisers: this.initialisers,
        inputs: this.inputs,
        outputs: [...this.outputs, ...given],
        opset: this.#opset,
      }),
    );
  }

  #tensor(code: number, { shape, values }: { shape: readonly number[]; values: ArrayBufferView }): string {
    const name = `c${this.initialisers.length}`;
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initialisers.push({ name, elementType: code, shape, data });
    return name;
  }
}

function attributeOf(value: Attributes[string]): OnnxAttribute {
  if (typeof value === 'string') return { kind: 'string', value };
  if (typeof value === 'number') return { kind: Number.isInteger(value) ? 'int' : 'float', value };
  return isList(value) ? { kind: 'ints', value } : (value as OnnxAttribute);
}

function isList(value: Attributes[string]): value is readonly number[] {
  return Array.isArray(value);
}
