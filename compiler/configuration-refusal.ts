import { SluiceError } from '../contract/errors.ts';
import type { HardwareConfiguration } from '../contract/npu/hardware.generated.ts';
import { lowerNetwork } from './backend/lower.ts';
import { scheduleNetwork } from './backend/schedule.ts';
import { type ImportedMap, type ImportedOperation, inputsOf } from './import/graph.ts';
import type { FloatPart } from './import/to-onnx.ts';
import { assignQuantisations } from './quantise/assign.ts';
import { buildNetwork } from './quantise/build-network.ts';
import { givenRefusal } from './quantise/given.ts';
import type { Range } from './quantise/quantisation.ts';
import { stepsOf } from './quantise/steps.ts';

/** Any range serves: what fits a configuration does not depend on scales. */
const someRange: Range = { minimum: -1, maximum: 1 };

/**
 * Why a configuration cannot compute an operation; undefined when it can. The operation alone is quantised
 * with made-up ranges and scheduled, so that the answer is the back end's own.
 */
export function refusalOf(
  configuration: HardwareConfiguration,
): (operation: ImportedOperation) => string | undefined {
  return (operation) => givenRefusal(operation) ?? hardwareRefusal(operation, configuration);
}

function hardwareRefusal(
  operation: ImportedOperation,
  configuration: HardwareConfiguration,
): string | undefined {
  const part: FloatPart = {
    name: operation.name,
    operations: [operation],
    inputs: [...new Set<ImportedMap>(inputsOf(operation))],
    outputs: [operation.output],
  };
  try {
    const steps = stepsOf(part);
    const quantisations = assignQuantisations(part, { steps, rangeOf: () => someRange });
    scheduleNetwork(lowerNetwork(buildNetwork(part, { steps, quantisations }), configuration));
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof SluiceError) || thrown.code !== 'model_unsupported') throw thrown;
    return thrown.message.replace(/^(layer|operation|network) "[^"]*": /, '');
  }
}
