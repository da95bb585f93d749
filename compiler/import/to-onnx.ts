import type { Window } from '../network/network.ts';
import { elementType } from '../onnx/element-types.ts';
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValue } from '../onnx/model.ts';
import { writeModel } from '../onnx/write-model.ts';
import type {
  ConvolutionOperation,
  ImportedMap,
  ImportedOperation,
  PadOperation,
  ResizeOperation,
  SliceOperation,
} from './graph.ts';
import { type ScalarFunction, scalarParameters } from './scalar-function.ts';

/** HardSwish came with 14, Mish with 18. */
const opset = 18;
const irVersion = 8;

/** Operations with the maps that enter and leave them. */
export interface FloatPart {
  name: string;
  operations: readonly ImportedOperation[];
  inputs: readonly ImportedMap[];
  outputs: readonly ImportedMap[];
}

/**
 * Operations as a float ONNX model: what calibration runs. Tensors are [1, channels, rows, columns] under
 * the names of the maps. Maps with a given quantisation pass QuantizeLinear and DequantizeLinear, so that
 * their values are those of the model that gave it.
 */
export function floatModelOf({ name, operations, inputs, outputs }: FloatPart): Uint8Array {
  const writer = new FloatWriter();
  for (const input of inputs) writer.quantise(input, { from: input.name });
  for (const operation of operations) writer.append(operation);
  return writeModel({
    irVersion,
    opsets: new Map([['', opset]]),
    graph: {
      name,
      nodes: [
        ...writer.nodes,
        ...outputs.map((map) => node('Identity', [writer.tensorOf(map)], floatOutputOf(map))),
      ],
      initialisers: writer.constants,
      inputs: inputs.map(graphValueOf),
      outputs: outputs.map((map) => ({ ...graphValueOf(map), name: floatOutputOf(map) })),
    },
  });
}

/** The name under which the float model gives a map that leaves it. */
export function floatOutputOf(map: ImportedMap): string {
  return `${map.name}//output`;
}

function graphValueOf({ name, channels, rows, columns }: ImportedMap): OnnxValue {
  return { name, elementType: elementType.FLOAT, shape: [1, channels, rows, columns] };
}

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Record<string, OnnxAttribute> = {},
): OnnxNode {
  return {
    name: output,
    operator,
    domain: '',
    inputs,
    outputs: [output],
    attributes: new Map(Object.entries(attributes)),
  };
}

const ints = (...value: number[]): OnnxAttribute => ({ kind: 'ints', value });

class FloatWriter {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, OnnxTensor>();
  readonly #tensors = new Map<ImportedMap, string>();

  tensorOf(map: ImportedMap): string {
    return this.#tensors.get(map) ?? map.name;
  }

  append(operation: ImportedOperation): void {
    const { output } = operation;
    this.quantise(output, { from: this.#write(operation) });
  }

  /** Brings a map's values to what its given quantisation can hold. */
  quantise(map: ImportedMap, { from }: { from: string }): void {
    this.#tensors.set(map, from);
    if (map.quantisation === undefined) return;
    const { scale, zeroPoint } = map.quantisation;
    const operands = [
      this.#floats(`${map.name}//scale`, [scale], []),
      this.#constant(`${map.name}//zero-point`, {
        type: elementType.INT8,
        values: Int8Array.of(zeroPoint),
        shape: [],
      }),
    ];
    const integers = this.#add(node('QuantizeLinear', [from, ...operands], `${map.name}//integers`));
    this.#tensors.set(
      map,
      this.#add(node('DequantizeLinear', [integers, ...operands], `${map.name}//rounded`)),
    );
  }

  #write(operation: ImportedOperation): string {
    const { output } = operation;
    switch (operation.kind) {
      case 'convolution':
        return this.#convolution(operation);
      case 'activation':
        return this.#scalar(operation.scalar, { x: this.tensorOf(operation.input), name: output.name });
      case 'add':
      case 'multiply': {
        const inputs = [this.tensorOf(operation.first), this.tensorOf(operation.second)];
        return this.#add(node(operation.kind === 'add' ? 'Add' : 'Mul', inputs, output.name));
      }
      case 'maximum-pool':
        return this.#add(
          node('MaxPool', [this.tensorOf(operation.input)], output.name, windowAttributes(operation.window)),
        );
      case 'average-pool':
        return this.#add(
          node('AveragePool', [this.tensorOf(operation.input)], output.name, {
            ...averageAttributes(operation.window),
            count_include_pad: { kind: 'int', value: operation.excludesPadding ? 0 : 1 },
          }),
        );
      case 'global-average':
        return this.#add(node('GlobalAveragePool', [this.tensorOf(operation.input)], output.name));
      case 'resize':
        return this.#resize(operation);
      case 'pad':
        return this.#pad(operation);
      case 'concat': {
        const inputs = operation.inputs.map((input) => this.tensorOf(input));
        return this.#add(node('Concat', inputs, output.name, { axis: { kind: 'int', value: 1 } }));
      }
      case 'slice':
        return this.#slice(operation);
      case 'shuffle': {
        const order = this.#integers(`${output.name}//order`, [...operation.order]);
        const inputs = [this.tensorOf(operation.input), order];
        return this.#add(node('Gather', inputs, output.name, { axis: { kind: 'int', value: 1 } }));
      }
    }
  }

  #convolution({ input, output, window, groups, weights, bias }: ConvolutionOperation): string {
    const { kernelRows, kernelColumns } = window;
    const shape = [output.channels, input.channels / groups, kernelRows, kernelColumns];
    const operands = [
      this.tensorOf(input),
      this.#constant(`${output.name}//weights`, { type: elementType.FLOAT, values: weights, shape }),
      this.#constant(`${output.name}//bias`, { type: elementType.FLOAT, values: bias, shape: [bias.length] }),
    ];
    const attributes = { ...windowAttributes(window), group: { kind: 'int', value: groups } as const };
    return this.#add(node('Conv', operands, output.name, attributes));
  }

  #resize({ input, output, rowFactor, columnFactor }: ResizeOperation): string {
    const factors = this.#floats(`${output.name}//factors`, [1, 1, rowFactor, columnFactor]);
    return this.#add(
      node('Resize', [this.tensorOf(input), '', factors], output.name, {
        mode: { kind: 'string', value: 'nearest' },
        coordinate_transformation_mode: { kind: 'string', value: 'asymmetric' },
        nearest_mode: { kind: 'string', value: 'floor' },
      }),
    );
  }

  #pad({ input, output, padTop, padLeft, padBottom, padRight, value }: PadOperation): string {
    const pads = this.#integers(`${output.name}//pads`, [0, 0, padTop, padLeft, 0, 0, padBottom, padRight]);
    const filling = this.#floats(`${output.name}//value`, [value], []);
    return this.#add(node('Pad', [this.tensorOf(input), pads, filling], output.name));
  }

  #slice({ input, output, firstChannel }: SliceOperation): string {
    const bounds = [firstChannel, firstChannel + output.channels, 1].map((value, index) =>
      this.#integers(`${output.name}//bound-${index}`, [value]),
    );
    return this.#add(node('Slice', [this.tensorOf(input), ...bounds], output.name));
  }

  /** The expression's calls, inner ones first; the outermost gives `name`. */
  #scalar(scalar: ScalarFunction, { x, name }: { x: string; name: string }): string {
    if (scalar.kind === 'argument') return this.#add(node('Identity', [x], name));
    if (scalar.kind === 'constant') {
      const zeros = this.#add(node('Mul', [x, this.#floats(`${name}//zero`, [0], [])], `${name}//zeros`));
      return this.#add(node('Add', [zeros, this.#floats(`${name}//constant`, [scalar.value], [])], name));
    }
    const operands = scalar.operands.map((operand, index) => {
      const inner = `${name}//${index}`;
      if (operand.kind === 'argument') return x;
      if (operand.kind === 'constant') return this.#floats(inner, [operand.value], []);
      return this.#scalar(operand, { x, name: inner });
    });
    const names = Object.keys(scalarParameters(scalar.operator));
    const attributes = names.map((each, index) => {
      return [each, { kind: 'float', value: scalar.parameters[index] ?? 0 }] as const;
    });
    return this.#add(node(scalar.operator, operands, name, Object.fromEntries(attributes)));
  }

  #add(added: OnnxNode): string {
    this.nodes.push(added);
    return added.outputs[0] ?? '';
  }

  #floats(name: string, values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#constant(name, { type: elementType.FLOAT, values: Float32Array.from(values), shape });
  }

  #integers(name: string, values: readonly number[]): string {
    const list = BigInt64Array.from(values, BigInt);
    return this.#constant(name, { type: elementType.INT64, values: list, shape: [values.length] });
  }

  #constant(
    name: string,
    { type, values, shape }: { type: number; values: ArrayBufferView; shape: readonly number[] },
  ): string {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.constants.set(name, { name, elementType: type, shape, data });
    return name;
  }
}

function averageAttributes(window: Window): Record<string, OnnxAttribute> {
  return {
    kernel_shape: ints(window.kernelRows, window.kernelColumns),
    strides: ints(window.strideRows, window.strideColumns),
    pads: ints(window.padTop, window.padLeft, window.padBottom, window.padRight),
  };
}

function windowAttributes(window: Window): Record<string, OnnxAttribute> {
  return { ...averageAttributes(window), dilations: ints(window.dilationRows, window.dilationColumns) };
}
