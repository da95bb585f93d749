import { type OnnxNode, operatorOf } from '../onnx/model.ts';
import { innerOperatorsOf, namesReadBy } from '../onnx/subgraphs.ts';
import type { StaticModel } from './facts.ts';
import { Declined, GraphBuilder } from './graph-builder.ts';
import { isRecurrent } from './host-work.ts';
import { translateDequantise, translateQuantise } from './quantised-values.ts';
import { isScalarOperator } from './scalar-function.ts';
import { translateBatchNormalization } from './translate-affine.ts';
import { translateArithmetic, translatePRelu, translateUnary } from './translate-elementwise.ts';
import {
  translateConcat,
  translateIdentity,
  translatePad,
  translateReshape,
  translateResize,
  translateSlice,
  translateSplit,
  translateTranspose,
} from './translate-layout.ts';
import { translateConvolution, translateGemm, translateMatMul } from './translate-linear.ts';
import {
  translateAveragePool,
  translateGlobalAverage,
  translateGlobalMaximum,
  translateMaximumPool,
  translateReduceMean,
} from './translate-pools.ts';

/** Adds what a node computes to the graph, or declines it. */
type Translator = (node: OnnxNode, builder: GraphBuilder) => void;

const translators: ReadonlyMap<string, Translator> = new Map(
  Object.entries<Translator>({
    Conv: translateConvolution,
    Gemm: translateGemm,
    MatMul: translateMatMul,
    BatchNormalization: translateBatchNormalization,
    MaxPool: translateMaximumPool,
    AveragePool: translateAveragePool,
    GlobalAveragePool: translateGlobalAverage,
    GlobalMaxPool: translateGlobalMaximum,
    ReduceMean: translateReduceMean,
    Resize: translateResize,
    Upsample: translateResize,
    Pad: translatePad,
    Concat: translateConcat,
    Slice: translateSlice,
    Split: translateSplit,
    Reshape: translateReshape,
    Flatten: translateReshape,
    Squeeze: translateReshape,
    Unsqueeze: translateReshape,
    Transpose: translateTranspose,
    Identity: translateIdentity,
    Dropout: translateIdentity,
    Cast: translateIdentity,
    QuantizeLinear: translateQuantise,
    DequantizeLinear: translateDequantise,
    Add: translateArithmetic,
    Sub: translateArithmetic,
    Mul: translateArithmetic,
    Div: translateArithmetic,
    Max: translateArithmetic,
    Min: translateArithmetic,
    Sum: translateArithmetic,
    PRelu: translatePRelu,
    Clip: translateUnary,
    Pow: translateUnary,
    Gelu: translateUnary,
    'com.microsoft.Gelu': translateUnary,
    'com.microsoft.FastGelu': translateUnary,
    'com.microsoft.QuickGelu': translateUnary,
  }),
);

/** Turns a model's nodes into operations, one after the other; what cannot be one stays with its reason. */
export function translate(model: StaticModel): GraphBuilder {
  const builder = new GraphBuilder(model);
  for (const node of model.nodes) {
    if (builder.isSkipped(node)) continue;
    try {
      translatorOf(node)(node, builder);
    } catch (thrown) {
      if (!(thrown instanceof Declined)) throw thrown;
      builder.hostNodes.push({ node: model.origins.get(node) ?? node, reason: thrown.message });
      materialiseInputs(node, builder);
    }
  }
  for (const { name } of model.model.graph.outputs) {
    if (builder.computed(name) !== undefined) builder.materialise(name);
  }
  return builder;
}

function translatorOf(node: OnnxNode): Translator {
  const known = translators.get(operatorOf(node));
  if (known !== undefined) return known;
  if (node.domain === '' && isScalarOperator(node.operator)) return translateUnary;
  return () => {
    throw new Declined(reasonOf(node));
  };
}

function reasonOf(node: OnnxNode): string {
  const inner = innerOperatorsOf(node);
  if (inner.length > 0) {
    const shown = [...inner].sort(
      (first, second) => Number(isRecurrent(second)) - Number(isRecurrent(first)),
    );
    return `control flow over ${shown.slice(0, 4).join(', ')}; NPU programs have no branches`;
  }
  if (isRecurrent(node.operator)) return 'it is recurrent; the NPU keeps no state';
  return 'the NPU has no such operation';
}

/** A node that stays reads tensors: those that were put off are computed. */
function materialiseInputs(node: OnnxNode, builder: GraphBuilder): void {
  for (const name of namesReadBy(node)) {
    builder.hostReads.add(name);
    if (builder.computed(name) !== undefined) builder.materialise(name);
  }
}
