import { describe, expect, it } from 'vitest';
import { mobileNetV2 } from '../../../../bench/networks/mobile-net-v2.ts';
import { checkTokens, type RegionSizes } from '../../../../compiler/backend/check-tokens.ts';
import { compileNetwork } from '../../../../compiler/network/compile-network.ts';
import {
  type HardwareConfiguration,
  hardwareConfigurations,
} from '../../../../contract/npu/hardware.generated.ts';
import type { Instruction } from '../../../../contract/npu/instructions.ts';
import { decodeProgramHeader } from '../../../../contract/npu/program.ts';
import { tinyNetworks } from '../../../support/networks/tiny-networks.ts';
import { readInstructions } from '../../../support/npu-interpreter.ts';

const configuration = hardwareConfigurations.ci as HardwareConfiguration;

interface Checked {
  instructions: Instruction[];
  regions: RegionSizes;
}

function checkedOf(program: Uint8Array): Checked {
  return { instructions: readInstructions(program), regions: decodeProgramHeader(program) };
}

/** A program that spills into the arena. */
const spilling = checkedOf(
  compileNetwork(mobileNetV2({ resolution: 64, width: 0.35 }), configuration).program,
);
const small = checkedOf(
  compileNetwork((tinyNetworks['residual block'] as () => never)(), configuration).program,
);

const flags = ['popPrevious', 'popNext', 'pushPrevious', 'pushNext'] as const;
const refusal = (message: RegExp) =>
  expect.objectContaining({ code: 'program_invalid', message: expect.stringMatching(message) });
const check = (instructions: readonly Instruction[], { regions }: Checked): void =>
  checkTokens(instructions, configuration, regions);

/** Takes a token away from the n-th instruction that pops it and the one that pushes it. */
function withoutToken(
  { instructions }: Checked,
  options: {
    from: string;
    push: (typeof flags)[number];
    to: string;
    pop: (typeof flags)[number];
    index: number;
  },
): Instruction[] {
  const { from, push, to, pop, index } = options;
  const nth = (operations: string, flag: (typeof flags)[number]): number =>
    [...instructions.keys()].filter((place) => {
      const instruction = instructions[place] as Instruction;
      return operations.split(' ').includes(instruction.operation) && instruction[flag];
    })[index] as number;
  const [source, target] = [nth(from, push), nth(to, pop)];
  return instructions
    .with(source, { ...(instructions[source] as Instruction), [push]: false })
    .with(target, { ...(instructions[target] as Instruction), [pop]: false });
}

const execute = 'CONVOLVE POOL ADD MULTIPLY';

describe('checkTokens', () => {
  it('takes what the compiler writes, with and without an arena', () => {
    expect(spilling.regions.arenaBytes).toBeGreaterThan(0);
    expect(() => check(spilling.instructions, spilling)).not.toThrow();
    expect(() => check(small.instructions, small)).not.toThrow();
  });

  it('refuses a program with any token flag flipped', () => {
    const { instructions } = small;
    for (const [index, instruction] of instructions.entries()) {
      for (const flag of flags) {
        const changed = instructions.with(index, { ...instruction, [flag]: !instruction[flag] });
        expect(() => check(changed, small), `${flag} of instruction ${index}`).toThrow(refusal(/./));
      }
    }
  });

  it.each([
    { from: 'LOAD', push: 'pushNext', to: execute, pop: 'popPrevious' },
    { from: execute, push: 'pushPrevious', to: 'LOAD', pop: 'popNext' },
    { from: execute, push: 'pushNext', to: 'STORE', pop: 'popPrevious' },
    { from: 'STORE', push: 'pushPrevious', to: execute, pop: 'popNext' },
  ] as const)('needs every token of $push to $pop of a program that spills', (queue) => {
    const count = spilling.instructions.filter(
      (each) => queue.to.split(' ').includes(each.operation) && each[queue.pop],
    ).length;
    expect(count).toBeGreaterThan(10);
    for (let index = 0; index < count; index += Math.ceil(count / 20)) {
      const changed = withoutToken(spilling, { ...queue, index });
      expect(() => check(changed, spilling), `token ${index}`).toThrow(refusal(/no token orders it/));
    }
  });

  it('refuses every program with one instruction left out', () => {
    const { instructions } = small;
    for (const index of instructions.keys()) {
      expect(() => check(instructions.toSpliced(index, 1), small), `${index}`).toThrow(refusal(/./));
    }
  });

  it('refuses a row of words read that is longer than what was written', () => {
    const index = small.instructions.findIndex(({ operation }) => operation === 'LOAD');
    const load = small.instructions.find((each) => each.operation === 'LOAD' && each.memory === 'ACTIVATION');
    if (load?.operation !== 'LOAD') throw new Error('the program loads nothing');
    const place = small.instructions.indexOf(load);
    expect(index).toBeLessThanOrEqual(place);
    const changed = small.instructions.with(place, { ...load, columns: load.columns - 1 });
    expect(() => check(changed, small)).toThrow(refusal(/reads what nothing wrote/));
  });

  it('refuses what follows FINISH, an output beat never stored and what lies beyond a memory', () => {
    const { instructions } = small;
    const [first] = instructions;
    if (first?.operation !== 'LOAD') throw new Error('the program does not begin with LOAD');
    expect(() => check([...instructions, first], small)).toThrow(refusal(/after FINISH/));
    const outputBytes = small.regions.outputBytes + 16;
    expect(() => checkTokens(instructions, configuration, { ...small.regions, outputBytes })).toThrow(
      refusal(/never stored/),
    );
    expect(() => check(instructions.with(0, { ...first, address: 16_000 }), small)).toThrow(
      refusal(/touches more than/),
    );
  });
});
