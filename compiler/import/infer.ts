import { elementCount } from '../../contract/tensor-data.ts';
import { type OnnxModel, type OnnxNode, operatorOf, unsupportedNode } from '../onnx/model.ts';
import { outputElementType } from './element-type-rules.ts';
import { FactTable, type StaticModel } from './facts.ts';
import { foldNode } from './fold-constants.ts';
import { shapeRules } from './shape-rules.ts';
import { spellOut } from './spell-out.ts';

/** Elements of one tensor: more than any image network has, few enough to be held in memory. */
const tensorElementsMax = 1 << 28;

/**
 * Derives types, shapes and constants of every tensor from the model's fixed inputs. Throws `model_invalid`
 * naming the node whose shapes contradict each other.
 */
export async function inferFacts(model: OnnxModel, opset: number): Promise<StaticModel> {
  const facts = new FactTable(opset);
  for (const { name, elementType, shape } of model.graph.inputs) facts.set(name, { elementType, shape });
  for (const tensor of model.graph.initialisers.values()) {
    const { elementType, shape, data } = tensor;
    facts.set(tensor.name, { elementType, shape, ...(data === undefined ? {} : { constant: tensor }) });
  }
  const nodes: OnnxNode[] = [];
  const origins = new Map<OnnxNode, OnnxNode>();
  const producers = new Map<string, OnnxNode>();
  for (const node of model.graph.nodes) {
    const spelled = spellOut(node, facts);
    for (const tensor of spelled?.constants ?? []) {
      facts.set(tensor.name, { elementType: tensor.elementType, shape: tensor.shape, constant: tensor });
    }
    for (const each of spelled?.nodes ?? [node]) {
      for (const output of each.outputs) producers.set(output, each);
      const isConstant = await inferNode(each, { facts, model });
      if (isConstant) continue;
      nodes.push(each);
      if (each !== node) origins.set(each, node);
    }
  }
  return { model, nodes, origins, facts, producers };
}

/** Records what is known of a node's outputs; tells whether they are all constants. */
async function inferNode(node: OnnxNode, options: { facts: FactTable; model: OnnxModel }): Promise<boolean> {
  const { facts, model } = options;
  const shapes = shapeRules.get(operatorOf(node))?.(node, facts) ?? [];
  const outputs = node.outputs.map((name, index) => ({
    name,
    elementType: outputElementType(node, facts, index),
    shape: shapes[index],
  }));
  for (const { name, elementType, shape } of outputs) {
    checkSize(node, shape);
    facts.set(name, { elementType, shape });
  }
  const constants = await foldNode(node, {
    facts,
    model,
    outputs: outputs.filter(({ name }) => name !== ''),
  });
  for (const constant of constants ?? []) {
    const { name, elementType, shape } = constant;
    facts.set(name, { elementType, shape, constant });
  }
  return constants !== undefined;
}

function checkSize(node: OnnxNode, shape: readonly number[] | undefined): void {
  if (shape === undefined) return;
  const isWhole = shape.every((size) => Number.isInteger(size) && size >= 0);
  if (isWhole && elementCount(shape) <= tensorElementsMax) return;
  throw unsupportedNode(
    node,
    `its output would be [${shape}]; at most ${tensorElementsMax} elements are taken`,
  );
}
