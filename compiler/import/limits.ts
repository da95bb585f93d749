import { convolutionFields, poolFields } from '../../contract/npu/instructions.generated.ts';
import type { Window } from '../network/network.ts';
import type { ImportedOperation } from './graph.ts';

/** Fields of a window that an instruction has; padding behind the input takes none. */
const windowFields = [
  'kernelRows',
  'kernelColumns',
  'strideRows',
  'strideColumns',
  'dilationRows',
  'dilationColumns',
  'padTop',
  'padLeft',
] as const satisfies readonly (keyof Window)[];

/** A scale that reaches further would leave nothing of the map itself. */
const padValueMax = 1e30;

/** Why no configuration of the NPU can hold an operation's numbers; undefined when all fit. */
export function hardwareReason(operation: ImportedOperation): string | undefined {
  switch (operation.kind) {
    case 'convolution':
    case 'maximum-pool':
    case 'average-pool':
      return windowReason(operation.window);
    case 'global-average': {
      const { rows, columns } = operation.input;
      return firstAbove([
        ['kernelRows', rows],
        ['kernelColumns', columns],
      ]);
    }
    case 'pad':
      if (!(Math.abs(operation.value) <= padValueMax)) {
        return `pads with ${operation.value}, which no int8 scale holds; a maximum pool behind it with a kernel larger than the padding would take it in`;
      }
      return firstAbove([
        ['padTop', operation.padTop],
        ['padLeft', operation.padLeft],
      ]);
    case 'resize':
      return firstAbove([
        ['upsampleRows', operation.rowFactor],
        ['upsampleColumns', operation.columnFactor],
      ]);
    default:
      return undefined;
  }
}

function windowReason(window: Window): string | undefined {
  const rowSpan = (window.kernelRows - 1) * window.dilationRows + 1;
  const columnSpan = (window.kernelColumns - 1) * window.dilationColumns + 1;
  if (window.padTop >= rowSpan || window.padLeft >= columnSpan) {
    return `its padding hides a whole kernel of ${rowSpan} x ${columnSpan}`;
  }
  return firstAbove(windowFields.map((field) => [field, window[field]] as const));
}

function firstAbove(values: readonly (readonly [string, number])[]): string | undefined {
  const above = values.find(([field, value]) => value > fieldMax(field));
  return above === undefined
    ? undefined
    : `${above[0]} is ${above[1]}; the NPU takes ${fieldMax(above[0])} at most`;
}

/** Largest number that an instruction's field of that name holds. */
export function fieldMax(name: string): number {
  const field = [...convolutionFields, ...poolFields].find((each) => each.name === name);
  if (field === undefined) throw new TypeError(`instructions have no field ${name}`);
  return 2 ** field.width - 1;
}
