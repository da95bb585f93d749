import { type ImportedMap, type ImportedOperation, inputsOf } from '../import/graph.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import { addTermsOf } from '../network/add-terms.ts';
import { assignQuantisations } from './assign.ts';
import type { Range } from './quantisation.ts';
import { stepsOf } from './steps.ts';

/** Below it products of scales are no normal float32 numbers any more. */
const scaleMin = 2 ** -60;
const scaleMax = 2 ** 60;
/** Stands in for a range that nothing tells. */
const someRange: Range = { minimum: -1, maximum: 1 };

/** Whether the model brings quantisations of its own. */
export function isQuantised({ inputs, operations }: FloatPart): boolean {
  return [...inputs, ...operations.map(({ output }) => output)].some(
    ({ quantisation }) => quantisation !== undefined,
  );
}

/**
 * Names of operations that read or give what has no scale in a model that brings its own: without samples there
 * is none.
 */
export function unscaledOperations(part: FloatPart): string[] {
  const missing = new Set<ImportedMap>();
  const steps = stepsOf(part);
  const rangeOf = (map: ImportedMap): Range => {
    missing.add(map);
    return someRange;
  };
  assignQuantisations(part, { steps, rangeOf });
  const entering = new Set(part.inputs.filter((map) => missing.has(map)));
  return part.operations
    .filter(
      (operation) => missing.has(operation.output) || inputsOf(operation).some((map) => entering.has(map)),
    )
    .map(({ name }) => name);
}

/**
 * Why an operation of a model that brings its own quantisation can't run on the NPU with exactly that;
 * undefined when it can, or when nothing is given. For the partition, as one more reason to stay.
 */
export function givenRefusal(operation: ImportedOperation): string | undefined {
  for (const { quantisation } of [...inputsOf(operation), operation.output]) {
    if (quantisation === undefined) continue;
    const { scale } = quantisation;
    if (!(scale >= scaleMin && scale <= scaleMax)) return `a scale of ${scale}; the NPU takes 2^-60 to 2^60`;
  }
  switch (operation.kind) {
    case 'convolution':
      return weightRefusal(operation);
    case 'add':
      return sumRefusal(operation);
    default:
      return undefined;
  }
}

/** Weights that are float, or asymmetric, are quantised anew; those that stay as they are need usable scales. */
function weightRefusal({ given }: Extract<ImportedOperation, { kind: 'convolution' }>): string | undefined {
  const isUsable = given?.scales.every((scale) => scale >= scaleMin && scale <= scaleMax) ?? true;
  return isUsable ? undefined : 'a weight scale outside 2^-60 to 2^60';
}

function sumRefusal({
  first,
  second,
  output,
}: Extract<ImportedOperation, { kind: 'add' | 'multiply' }>): string | undefined {
  const [one, other, result] = [first.quantisation, second.quantisation, output.quantisation];
  if (one === undefined || other === undefined || result === undefined) return undefined;
  const terms = addTermsOf({
    firstScale: one.scale,
    firstZeroPoint: one.zeroPoint,
    secondScale: other.scale,
    secondZeroPoint: other.zeroPoint,
    outputScale: result.scale,
    outputZeroPoint: result.zeroPoint,
  });
  if (terms !== undefined) return undefined;
  return `scales ${one.scale}, ${other.scale} and ${result.scale} make ties that float32 rounds either way`;
}
