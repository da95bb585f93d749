import { describe, expect, it } from 'vitest';
import { checkTokens } from '../../../../compiler/backend/check-tokens.ts';
import { addTokens } from '../../../../compiler/backend/tokens.ts';
import {
  type HardwareConfiguration,
  hardwareConfigurations,
} from '../../../../contract/npu/hardware.generated.ts';
import {
  type Instruction,
  noTokens,
  type PoolInstruction,
  type TransferInstruction,
} from '../../../../contract/npu/instructions.ts';

const configuration = hardwareConfigurations.ci as HardwareConfiguration;
const regions = { outputBytes: 16, arenaBytes: 16 };

function transfer(
  change: Pick<TransferInstruction, 'operation' | 'region' | 'address'>,
): TransferInstruction {
  const sizes = { dramOffset: 0, columns: 2, rows: 1, blocks: 1 };
  const pitches = { dramRowPitch: 2, dramBlockPitch: 2, rowPitch: 1, blockPitch: 1 };
  return { ...noTokens, ...sizes, ...pitches, memory: 'ACTIVATION', ...change };
}

function copy(inputAddress: number, outputAddress: number): PoolInstruction {
  const one = { kernelRows: 1, kernelColumns: 1, strideRows: 1, strideColumns: 1, dilationRows: 1 };
  const more = {
    dilationColumns: 1,
    upsampleRows: 1,
    upsampleColumns: 1,
    blocks: 1,
    inputRows: 1,
    outputRows: 1,
  };
  const pitches = { inputRowPitch: 1, inputBlockPitch: 1, outputRowPitch: 1, outputBlockPitch: 1 };
  const rest = { padTop: 0, padLeft: 0, padValue: 0, minimum: -128, maximum: 127, table: 0 };
  const columns = { inputColumns: 2, outputColumns: 2 };
  return {
    ...noTokens,
    operation: 'POOL',
    inputAddress,
    outputAddress,
    ...one,
    ...more,
    ...pitches,
    ...rest,
    ...columns,
  };
}

const finish: Instruction = { ...noTokens, operation: 'FINISH' };
const tokenCount = (program: readonly Instruction[]): number =>
  program.reduce((sum, { popPrevious, popNext }) => sum + Number(popPrevious) + Number(popNext), 0);

/** Through the arena and back: what was stored is loaded at once. */
const roundTrip: Instruction[] = [
  transfer({ operation: 'LOAD', region: 'INPUT', address: 0 }),
  copy(0, 1),
  transfer({ operation: 'STORE', region: 'ARENA', address: 1 }),
  transfer({ operation: 'LOAD', region: 'ARENA', address: 2 }),
  copy(2, 3),
  transfer({ operation: 'STORE', region: 'OUTPUT', address: 3 }),
  finish,
];

describe('addTokens', () => {
  it('puts a fence between a store and the load that reads it', () => {
    const program = addTokens(roundTrip, { configuration, regions });
    expect(program.map(({ operation }) => operation)).toEqual([
      'LOAD',
      'POOL',
      'STORE',
      'POOL',
      'LOAD',
      'POOL',
      'STORE',
      'FINISH',
    ]);
    expect(() => checkTokens(program, configuration, regions)).not.toThrow();
    expect(tokenCount(program)).toBe(6);
  });

  it('needs no fence where an instruction stands between', () => {
    const program = addTokens(roundTrip.toSpliced(3, 0, copy(0, 4)), { configuration, regions });
    expect(program.length).toBe(roundTrip.length + 1);
    expect(() => checkTokens(program, configuration, regions)).not.toThrow();
  });

  it('lets a load run ahead of what does not need it', () => {
    const instructions = [
      transfer({ operation: 'LOAD', region: 'INPUT', address: 0 }),
      copy(0, 10),
      copy(0, 11),
      copy(0, 12),
      transfer({ operation: 'LOAD', region: 'INPUT', address: 1 }),
      copy(1, 13),
      transfer({ operation: 'STORE', region: 'OUTPUT', address: 13 }),
      finish,
    ];
    const program = addTokens(instructions, { configuration, regions: { outputBytes: 16, arenaBytes: 0 } });
    const order = program.map(({ operation }) => operation);
    expect(order.slice(0, 4)).toEqual(['LOAD', 'POOL', 'LOAD', 'POOL']);
  });

  it('keeps to the depth of the queues', () => {
    const steps = Array.from({ length: 400 }, (_, step): Instruction[] => [
      transfer({ operation: 'LOAD', region: 'INPUT', address: step }),
      copy(step, 450),
    ]);
    const again = Array.from({ length: 400 }, (_, step) =>
      transfer({ operation: 'LOAD', region: 'INPUT', address: step }),
    );
    const store = transfer({ operation: 'STORE', region: 'OUTPUT', address: 450 });
    const program = addTokens([...steps.flat(), ...again, copy(399, 451), store, finish], {
      configuration,
      regions: { outputBytes: 16, arenaBytes: 0 },
    });
    expect(() => checkTokens(program, configuration, { outputBytes: 16, arenaBytes: 0 })).not.toThrow();
  });
});
