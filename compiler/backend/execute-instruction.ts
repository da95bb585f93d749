import { noTokens } from '../../contract/npu/instructions.ts';
import type { Operation } from './operations.ts';
import { type InputRange, lengthOf, type Range } from './ranges.ts';
import type { ExecuteInstruction } from './work.ts';

/** A tile in activation memory. */
export interface Place {
  address: number;
  rowPitch: number;
  blockPitch: number;
}

/** What one instruction computes of an operation. */
export interface ExecutePart {
  /** Output blocks, rows and columns. */
  output: { blocks: Range; rows: Range; columns: Range; place: Place };
  operands: readonly { rows: InputRange; columns: InputRange; place: Place }[];
}

/** Writes an operation's instruction for a part; addresses of weights, parameters and tables are still 0. */
export function executeInstruction(operation: Operation, part: ExecutePart): ExecuteInstruction {
  switch (operation.kind) {
    case 'convolve':
    case 'pool':
      return windowInstruction(operation, part);
    case 'add':
    case 'multiply':
      return elementwiseInstruction(operation, part);
  }
}

function windowInstruction(
  operation: Extract<Operation, { kind: 'convolve' | 'pool' }>,
  { output, operands }: ExecutePart,
): ExecuteInstruction {
  const [input] = operands;
  if (input === undefined) throw new Error(`${operation.name} has no operand`);
  const { rows, columns, numbers, layer } = operation;
  const common = {
    ...noTokens,
    layer,
    inputAddress: input.place.address,
    outputAddress: output.place.address,
    outputRows: lengthOf(output.rows),
    outputColumns: lengthOf(output.columns),
    inputRows: lengthOf(input.rows),
    inputColumns: lengthOf(input.columns),
    kernelRows: rows.kernel,
    kernelColumns: columns.kernel,
    strideRows: rows.stride,
    strideColumns: columns.stride,
    dilationRows: rows.dilation,
    dilationColumns: columns.dilation,
    padTop: input.rows.padBefore,
    padLeft: input.columns.padBefore,
    inputRowPitch: input.place.rowPitch,
    inputBlockPitch: input.place.blockPitch,
    outputRowPitch: output.place.rowPitch,
    outputBlockPitch: output.place.blockPitch,
    padValue: numbers.padValue,
    minimum: numbers.minimum,
    maximum: numbers.maximum,
    table: 0,
  };
  if (operation.kind === 'pool') {
    const upsample = { upsampleRows: rows.upsample, upsampleColumns: columns.upsample };
    return { ...common, ...upsample, operation: 'POOL', blocks: lengthOf(output.blocks) };
  }
  return {
    ...common,
    operation: 'CONVOLVE',
    weightAddress: 0,
    parameterAddress: 0,
    outputBlocks: lengthOf(output.blocks),
    inputBlocks: operation.depthwise ? 1 : operation.groupInputBlocks,
    outputZeroPoint: numbers.outputZeroPoint,
    depthwise: operation.depthwise ? 1 : 0,
  };
}

function elementwiseInstruction(
  operation: Extract<Operation, { kind: 'add' | 'multiply' }>,
  { output, operands }: ExecutePart,
): ExecuteInstruction {
  const [first, second] = operands;
  if (first === undefined || second === undefined) throw new Error(`${operation.name} has no two operands`);
  const { numbers, layer, broadcast } = operation;
  const common = {
    ...noTokens,
    layer,
    firstAddress: first.place.address,
    secondAddress: second.place.address,
    outputAddress: output.place.address,
    rows: lengthOf(output.rows),
    columns: lengthOf(output.columns),
    blocks: lengthOf(output.blocks),
    firstRowPitch: first.place.rowPitch,
    firstBlockPitch: first.place.blockPitch,
    secondRowPitch: second.place.rowPitch,
    secondBlockPitch: second.place.blockPitch,
    outputRowPitch: output.place.rowPitch,
    outputBlockPitch: output.place.blockPitch,
    broadcast: broadcast ? 1 : 0,
    outputZeroPoint: numbers.outputZeroPoint,
    minimum: numbers.minimum,
    maximum: numbers.maximum,
  };
  if (operation.kind === 'add') {
    const terms = { firstTable: 0, secondTable: 0, shift: numbers.shift, window: numbers.tieWindow };
    return { ...common, ...terms, operation: 'ADD' };
  }
  const { multiplier, shift, firstZeroPoint, secondZeroPoint } = numbers;
  return { ...common, operation: 'MULTIPLY', multiplier, shift, firstZeroPoint, secondZeroPoint };
}
