import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import {
  describeNode,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
  unsupportedNode,
} from '../onnx/model.ts';
import { knownOperators } from './known-operators.ts';

const opsetMin = 9;
const opsetMax = 21;

/** Other operator sets that ONNX Runtime brings along. */
const runtimeDomains: ReadonlySet<string> = new Set(['com.microsoft', 'ai.onnx.ml']);

/**
 * Refuses what neither route can run: operator sets outside 9 to 21, operators that nobody knows, values
 * that are no tensors. Throws `model_unsupported` naming the place and what to do. Returns the version of
 * ONNX's own operator set.
 */
export function checkModel(model: OnnxModel): number {
  const opset = model.opsets.get('');
  if (opset === undefined) {
    throw new SluiceError('model_invalid', 'ONNX model: it names no version of the ONNX operator set');
  }
  if (opset < opsetMin || opset > opsetMax) {
    throw new SluiceError(
      'model_unsupported',
      `ONNX model: operator set ${opset}; export it with one from ${opsetMin} to ${opsetMax}`,
    );
  }
  for (const node of model.graph.nodes) checkOperator(node, opset);
  for (const input of model.graph.inputs) checkValue('graph input', input);
  for (const output of model.graph.outputs) checkGraphOutput(model, output);
  return opset;
}

function checkOperator(node: OnnxNode, opset: number): void {
  if (node.domain === '') {
    if (knownOperators.has(node.operator)) return;
    throw unsupportedNode(
      node,
      `no operator of ONNX's operator set ${opset}; export it with standard operators`,
    );
  }
  if (runtimeDomains.has(node.domain)) return;
  throw unsupportedNode(
    node,
    `operators of the domain ${quoted(node.domain)} are not known here; export the model without custom operators`,
  );
}

function checkValue(role: string, { name, elementType }: OnnxValue): void {
  if (elementType !== undefined) return;
  throw new SluiceError(
    'model_unsupported',
    `${role} ${quoted(name)}: it is no tensor (a sequence, a map or of no type); export the model with tensors only`,
  );
}

function checkGraphOutput(model: OnnxModel, output: OnnxValue): void {
  const producer = model.graph.nodes.find(({ outputs }) => outputs.includes(output.name));
  const source = producer === undefined ? '' : ` from ${describeNode(producer)}`;
  checkValue(`graph output${source}`, output);
}
