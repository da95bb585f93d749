import type { ImportedMap, ImportedOperation } from '../import/graph.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import { readersOf, type Step, soleReader } from './steps.ts';

/** Steps that an end may have: a convolution, and what only moves or bounds elements outside of it. */
const stepsMax = 3;

/** One end of a region that could stay in float, and what would be left. */
export interface RegionEnd {
  side: 'head' | 'tail';
  /** The end as a region of its own. */
  end: FloatPart;
  rest: FloatPart;
}

/**
 * The first and the last convolution of a region, where the region can be cut at one map: beyond that, a
 * layer in float would divide the region in two.
 */
export function endsOf(part: FloatPart, steps: readonly Step[]): RegionEnd[] {
  return [headOf(part, steps), tailOf(part, steps)].filter((end) => end !== undefined);
}

function headOf(part: FloatPart, steps: readonly Step[]): RegionEnd | undefined {
  const readers = readersOf(part);
  const [input, ...others] = part.inputs;
  if (input === undefined || others.length > 0) return undefined;
  const taken: Step[] = [];
  let map: ImportedMap = input;
  while (taken.length < stepsMax) {
    const reader = soleReader(map, { part, readers });
    const step = steps.find(({ operation }) => operation === reader);
    if (step === undefined || !isChainable(step.operation)) return undefined;
    taken.push(step);
    map = step.output;
    if (step.operation.kind === 'convolution') return cut(part, { side: 'head', taken, at: map });
  }
  return undefined;
}

function tailOf(part: FloatPart, steps: readonly Step[]): RegionEnd | undefined {
  const readers = readersOf(part);
  const [output, ...others] = part.outputs;
  if (output === undefined || others.length > 0 || (readers.get(output.name)?.length ?? 0) > 0)
    return undefined;
  const taken: Step[] = [];
  let map: ImportedMap = output;
  while (taken.length < stepsMax) {
    const step = steps.find((each) => each.output === map);
    if (step === undefined || !isChainable(step.operation)) return undefined;
    taken.unshift(step);
    map = step.operation.input;
    if (soleReader(map, { part, readers }) !== step.operation) return undefined;
    if (step.operation.kind === 'convolution') return cut(part, { side: 'tail', taken, at: map });
  }
  return undefined;
}

/** Undefined when nothing would be left. */
function cut(
  part: FloatPart,
  { side, taken, at }: { side: 'head' | 'tail'; taken: readonly Step[]; at: ImportedMap },
): RegionEnd | undefined {
  const own = new Set(
    taken.flatMap(({ operation, fused }) => [operation, ...(fused ? [fused.activation] : [])]),
  );
  const operations = part.operations.filter((operation) => own.has(operation));
  const others = part.operations.filter((operation) => !own.has(operation));
  if (!others.some(({ kind }) => kind === 'convolution')) return undefined;
  if (part.outputs.includes(at) || part.inputs.includes(at)) return undefined;
  const { name, inputs, outputs } = part;
  return side === 'head'
    ? {
        side,
        end: { name, operations, inputs, outputs: [at] },
        rest: { name, operations: others, inputs: [at], outputs },
      }
    : {
        side,
        end: { name, operations, inputs: [at], outputs },
        rest: { name, operations: others, inputs, outputs: [at] },
      };
}

function isChainable(
  operation: ImportedOperation,
): operation is Exclude<ImportedOperation, { kind: 'add' | 'multiply' | 'concat' }> {
  return operation.kind !== 'add' && operation.kind !== 'multiply' && operation.kind !== 'concat';
}
