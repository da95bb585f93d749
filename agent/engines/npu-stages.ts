import type { NpuRoute } from '../../contract/image.ts';
import type { TensorDescription, TensorSignature } from '../../contract/tensors.ts';
import { invalid } from './npu-binding.ts';

type Descriptions = ReadonlyMap<string, TensorDescription>;

/** What each stage of an NPU route reads and gives. */
export interface NpuStages {
  head: TensorSignature | undefined;
  /** Each tensor that the program reads, once, and each that it gives. */
  npu: TensorSignature;
  tail: TensorSignature | undefined;
}

/**
 * Ties head, program and tail together by the names of their tensors, so that every output of the graph is
 * given, exactly once, and nothing is read that is not there. Throws `manifest_invalid`.
 */
export function stagesOf(signature: TensorSignature, route: NpuRoute): NpuStages {
  const { head, tail } = route;
  const known = describedBy('graph input', signature.inputs);
  if (head !== undefined) {
    checkReads('head', head.inputs, known);
    addGiven('head', head.outputs, known);
  }
  const inputs = new Map(route.inputs.map(({ tensor }) => [tensor, known.get(tensor)]));
  const graphOutputs = describedBy('graph output', signature.outputs);
  const tailInputs = describedBy('tail input', tail?.inputs ?? []);
  const outputs = route.outputs.map(({ tensor }) => {
    const description = graphOutputs.get(tensor) ?? tailInputs.get(tensor);
    if (description !== undefined) return description;
    throw invalid(`NPU output ${tensor} is neither an output of the graph nor read by ${nameOf('tail')}`);
  });
  addGiven('NPU', outputs, known);
  if (tail !== undefined) {
    checkReads('tail', tail.inputs, known);
    addGiven('tail', tail.outputs, known);
  }
  for (const input of signature.inputs) known.delete(input.name);
  checkReads('graph output', signature.outputs, known);
  return {
    head,
    npu: {
      inputs: [...inputs].map(([name, description]) => {
        if (description !== undefined) return description;
        throw invalid(`NPU input ${name} is neither an input of the graph nor given by ${nameOf('head')}`);
      }),
      outputs,
    },
    tail,
  };
}

function nameOf(stage: 'head' | 'tail'): string {
  return `${stage}.onnx`;
}

function describedBy(
  what: string,
  descriptions: readonly TensorDescription[],
): Map<string, TensorDescription> {
  const map = new Map(descriptions.map((description) => [description.name, description]));
  if (map.size === descriptions.length) return map;
  throw invalid(`two tensors of one name among ${what}s ${namesOf(descriptions)}`);
}

/** Throws unless every tensor is known, in the same form. */
function checkReads(what: string, tensors: readonly TensorDescription[], known: Descriptions): void {
  describedBy(what, tensors);
  for (const { name, datatype, shape } of tensors) {
    const given = known.get(name);
    if (given === undefined) throw invalid(`${what}: tensor ${name} is not given by anything before it`);
    if (given.datatype === datatype && String(given.shape) === String(shape)) continue;
    throw invalid(
      `${what}: tensor ${name} is ${datatype} [${shape}] here, but ${given.datatype} [${given.shape}] where it comes from`,
    );
  }
}

/** Adds what a stage gives. Throws when a name is taken. */
function addGiven(
  what: string,
  tensors: readonly TensorDescription[],
  known: Map<string, TensorDescription>,
): void {
  for (const description of tensors) {
    if (known.has(description.name)) throw invalid(`${what}: tensor ${description.name} exists before it`);
    known.set(description.name, description);
  }
}

function namesOf(descriptions: readonly TensorDescription[]): string {
  return descriptions.map(({ name }) => name).join(', ');
}
