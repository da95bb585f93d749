import { type ImportedOperation, inputsOf } from '../import/graph.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import { addTermsOf } from '../network/add-terms.ts';

const weightMin = -127;
/** Below it products of scales are no normal float32 numbers any more. */
const scaleMin = 2 ** -60;
const scaleMax = 2 ** 60;

/** Whether the model brings quantisations of its own. */
export function isQuantised({ inputs, operations }: FloatPart): boolean {
  return [...inputs, ...operations.map(({ output }) => output)].some(
    ({ quantisation }) => quantisation !== undefined,
  );
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

function weightRefusal({
  input,
  given,
}: Extract<ImportedOperation, { kind: 'convolution' }>): string | undefined {
  if (given === undefined) {
    if (input.quantisation === undefined) return undefined;
    return 'its input is quantised and its weights are float or have a zero point; the NPU takes symmetric int8 weights';
  }
  if (given.integers.some((integer) => integer < weightMin))
    return 'a weight of -128; the NPU takes -127 to 127';
  const isUsable = given.scales.every((scale) => scale >= scaleMin && scale <= scaleMax);
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
