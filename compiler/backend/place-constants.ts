import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { type Instruction, noTokens, type TransferInstruction } from '../../contract/npu/instructions.ts';
import { Scratchpad } from './scratchpad.ts';
import type { ConstantItem, ExecuteInstruction, Work } from './work.ts';

/**
 * Decides where weights, channel records and tables lie on chip and when they are loaded; gives the
 * program in order, still without tokens. Constants come before the activations of their instruction:
 * they never wait for a store.
 */
export function placeConstants(work: readonly Work[], configuration: HardwareConfiguration): Instruction[] {
  const pads = {
    WEIGHT: new Scratchpad(configuration.weightTiles),
    PARAMETER: new Scratchpad(configuration.parameterBlocks),
    TABLE: new Scratchpad(configuration.tableSlots),
  };
  const usesOf = indexUses(work);
  return work.flatMap(({ constants, loads, execute, stores }, step) => {
    const constantLoads: TransferInstruction[] = [];
    const addresses = constants.map((item) => {
      const pad = pads[item.memory];
      const key = keyOf(item);
      const known = pad.find(key);
      if (known !== undefined) return known + item.offset;
      const uses = (usesOf.get(key) ?? []).filter((use) => use >= step);
      const address = pad.place(key, { size: item.count, step, uses });
      constantLoads.push(loadOf(item, { address, layer: execute.layer }));
      return address + item.offset;
    });
    return [...constantLoads, ...loads, withAddresses(execute, { constants, addresses }), ...stores];
  });
}

function keyOf({ memory, dramOffset, count }: ConstantItem): string {
  return `${memory} ${dramOffset} ${count}`;
}

/** Steps that read each item. */
function indexUses(work: readonly Work[]): Map<string, number[]> {
  const usesOf = new Map<string, number[]>();
  for (const [step, { constants }] of work.entries()) {
    for (const item of constants) {
      const key = keyOf(item);
      const uses = usesOf.get(key);
      if (uses === undefined) usesOf.set(key, [step]);
      else uses.push(step);
    }
  }
  return usesOf;
}

function loadOf(
  { memory, dramOffset, count }: ConstantItem,
  { address, layer }: { address: number; layer: number },
): TransferInstruction {
  return {
    ...noTokens,
    operation: 'LOAD',
    layer,
    region: 'WEIGHTS',
    memory,
    dramOffset,
    address,
    columns: 1,
    rows: count,
    blocks: 1,
    dramRowPitch: 0,
    dramBlockPitch: 0,
    rowPitch: 0,
    blockPitch: 0,
  };
}

function withAddresses(
  execute: ExecuteInstruction,
  options: { constants: readonly ConstantItem[]; addresses: readonly number[] },
): ExecuteInstruction {
  const { constants, addresses } = options;
  const of = (memory: ConstantItem['memory']): number[] =>
    addresses.filter((_, index) => constants[index]?.memory === memory);
  const [table] = of('TABLE');
  switch (execute.operation) {
    case 'CONVOLVE': {
      const [[weightAddress = 0], [parameterAddress = 0]] = [of('WEIGHT'), of('PARAMETER')];
      return { ...execute, weightAddress, parameterAddress, table: table === undefined ? 0 : table + 1 };
    }
    case 'POOL':
      return { ...execute, table: table === undefined ? 0 : table + 1 };
    case 'ADD': {
      const [firstTable = 0, secondTable = 0] = of('TABLE');
      return { ...execute, firstTable, secondTable };
    }
    case 'MULTIPLY':
      return execute;
  }
}
