import { floatAttribute, type OnnxNode, operatorOf } from '../onnx/model.ts';
import { decline, type GraphBuilder } from './graph-builder.ts';
import { realOf, scalarOf } from './quantised-values.ts';
import {
  call,
  constant,
  isScalarOperator,
  type ScalarFunction,
  scalarParameters,
} from './scalar-function.ts';

/** A function of one operand: what an operator's rule makes of the argument and the node. */
type UnaryRule = (x: ScalarFunction, node: OnnxNode, builder: GraphBuilder) => ScalarFunction;

const one = constant(1);
const half = constant(0.5);

const unaryRules: Readonly<Record<string, UnaryRule>> = {
  Clip: (x, node, builder) => {
    const low = bound(node, builder, { name: 'min', index: 1 });
    const high = bound(node, builder, { name: 'max', index: 2 });
    const raised = low === undefined ? x : call('Max', [x, constant(low)]);
    return high === undefined ? raised : call('Min', [raised, constant(high)]);
  },
  Pow: (x, node, builder) => {
    const tensor = builder.facts.constant(node, 1);
    const exponent = tensor === undefined ? undefined : scalarOf(tensor);
    if (exponent === 2) return call('Mul', [x, x]);
    if (exponent === 3) return call('Mul', [call('Mul', [x, x]), x]);
    return exponent === 1 ? x : decline(`exponent ${exponent}; the NPU takes 1, 2 and 3`);
  },
  Gelu: (x, node) => {
    const isTanh = node.attributes.get('approximate');
    return isTanh?.kind === 'string' && isTanh.value === 'tanh' ? tanhGelu(x) : erfGelu(x);
  },
  'com.microsoft.Gelu': erfGelu,
  'com.microsoft.FastGelu': (x, node) => (node.inputs.length > 1 ? decline('it adds a bias') : tanhGelu(x)),
  'com.microsoft.QuickGelu': (x, node) =>
    call('Mul', [x, call('Sigmoid', [call('Mul', [constant(floatAttribute(node, 'alpha', 1.702)), x])])]),
};

/** What an operator makes of its one computed operand. Declines what is no function or has computed parameters. */
export function unaryFunction(node: OnnxNode, x: ScalarFunction, builder: GraphBuilder): ScalarFunction {
  const rule = unaryRules[operatorOf(node)];
  return rule === undefined ? plainCall(node, x, builder) : rule(x, node, builder);
}

function plainCall(node: OnnxNode, x: ScalarFunction, builder: GraphBuilder): ScalarFunction {
  const { operator } = node;
  if (!isScalarOperator(operator)) return decline('it is no function that the NPU tabulates');
  // Relu on integers bounds what the integer 0 means.
  if (operator === 'Relu' && builder.value(node, 0).isInteger) {
    return call('Max', [x, constant(realOf(node, builder, 0))]);
  }
  const parameters = Object.entries(scalarParameters(operator)).map(([name, fallback]) =>
    floatAttribute(node, name, fallback),
  );
  return call(operator, [x], parameters);
}

function erfGelu(x: ScalarFunction): ScalarFunction {
  const inner = call('Erf', [call('Mul', [x, constant(Math.SQRT1_2)])]);
  return call('Mul', [call('Mul', [half, x]), call('Add', [one, inner])]);
}

function tanhGelu(x: ScalarFunction): ScalarFunction {
  const cube = call('Mul', [call('Mul', [x, x]), call('Mul', [x, constant(0.044715)])]);
  const inner = call('Mul', [constant(Math.sqrt(2 / Math.PI)), call('Add', [x, cube])]);
  return call('Mul', [call('Mul', [half, x]), call('Add', [one, call('Tanh', [inner])])]);
}

function bound(
  node: OnnxNode,
  builder: GraphBuilder,
  { name, index }: { name: string; index: number },
): number | undefined {
  const attribute = node.attributes.get(name);
  if (attribute?.kind === 'float') return attribute.value;
  if ((node.inputs[index] ?? '') === '') return undefined;
  return realOf(node, builder, builder.facts.constant(node, index) ?? decline(`its ${name} is computed`));
}
