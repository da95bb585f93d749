import { elementType } from '../onnx/element-types.ts';
import { integerAttribute, type OnnxNode, operatorOf } from '../onnx/model.ts';
import type { FactTable } from './facts.ts';

const bool = 9;

const comparisons: ReadonlySet<string> = new Set(
  'Equal Less Greater LessOrEqual GreaterOrEqual And Or Xor Not IsNaN IsInf'.split(' '),
);
const indices: ReadonlySet<string> = new Set('Shape Size ArgMax ArgMin NonZero NonMaxSuppression'.split(' '));
/** Operators whose type is not that of their first input and not told below. */
const untyped: ReadonlySet<string> = new Set(
  'If Loop Scan OneHot Bernoulli RandomNormal RandomUniform Multinomial EyeLike SequenceAt'.split(' '),
);

/** Element type of a node's output; undefined when not known. */
export function outputElementType(node: OnnxNode, facts: FactTable, output: number): number | undefined {
  const operator = operatorOf(node);
  const typeOf = (index: number): number | undefined => facts.input(node, index)?.elementType;
  if (comparisons.has(operator)) return bool;
  if (indices.has(operator)) return elementType.INT64;
  if (untyped.has(operator) || node.domain !== '') return undefined;
  switch (operator) {
    case 'Cast':
      return integerAttribute(node, 'to', 0);
    case 'CastLike':
    case 'Where':
    case 'DequantizeLinear':
      return typeOf(1);
    case 'QuantizeLinear':
      return typeOf(2) ?? elementType.UINT8;
    case 'TopK':
    case 'MaxPool':
      return output === 1 ? elementType.INT64 : typeOf(0);
    case 'Dropout':
      return output === 1 ? bool : typeOf(0);
    case 'ConstantOfShape': {
      const value = node.attributes.get('value');
      return value?.kind === 'tensor' ? value.value.elementType : elementType.FLOAT;
    }
    default:
      return typeOf(0);
  }
}
