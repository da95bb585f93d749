import { describe, expect, it } from 'vitest';
import { compileModel } from '../../../../compiler/compile.ts';
import { checkTokens } from '../../../../compiler/passes/check-tokens.ts';
import {
  type HardwareConfiguration,
  hardwareConfigurations,
} from '../../../../contract/npu/hardware.generated.ts';
import type { Instruction } from '../../../../contract/npu/instructions.ts';
import { fashionSet } from '../../../support/golden-sets.ts';
import { readInstructions } from '../../../support/npu-interpreter.ts';

const configuration = hardwareConfigurations.ci as HardwareConfiguration;

async function fashionInstructions(): Promise<Instruction[]> {
  return readInstructions((await compileModel(fashionSet().model, { configuration: 'ci' })).program);
}

const flags = ['popPrevious', 'popNext', 'pushPrevious', 'pushNext'] as const;
const refusal = (message: RegExp) =>
  expect.objectContaining({ code: 'program_invalid', message: expect.stringMatching(message) });

describe('checkTokens', () => {
  it('refuses a program with any token flag flipped', async () => {
    const instructions = await fashionInstructions();
    for (const [index, instruction] of instructions.entries()) {
      for (const flag of flags) {
        const changed = instructions.with(index, { ...instruction, [flag]: !instruction[flag] });
        expect(() => checkTokens(changed, configuration), `${flag} of instruction ${index}`).toThrow(
          refusal(/./),
        );
      }
    }
  });

  it('refuses a matched pair of tokens left out, by the order that is then missing', async () => {
    const instructions = await fashionInstructions();
    const pop = instructions.findIndex(({ operation, popNext }) => operation === 'LOAD' && popNext);
    const push = instructions.findIndex(
      ({ operation, pushPrevious }) => operation === 'GEMM' && pushPrevious,
    );
    const changed = instructions
      .with(pop, { ...(instructions[pop] as Instruction), popNext: false })
      .with(push, { ...(instructions[push] as Instruction), pushPrevious: false });
    expect(() => checkTokens(changed, configuration)).toThrow(
      refusal(/no token orders it after an earlier read/),
    );
  });

  it('refuses weights used before their token', async () => {
    const instructions = await fashionInstructions();
    const gemm = instructions.findIndex(({ operation }) => operation === 'GEMM');
    const load = gemm - 1;
    const changed = instructions
      .with(gemm, { ...(instructions[gemm] as Instruction), popPrevious: false })
      .with(load, { ...(instructions[load] as Instruction), pushNext: false });
    expect(() => checkTokens(changed, configuration)).toThrow(
      refusal(/no token orders it after an earlier write/),
    );
  });

  it('refuses every program with one instruction left out', async () => {
    const instructions = await fashionInstructions();
    for (const index of instructions.keys()) {
      expect(() => checkTokens(instructions.toSpliced(index, 1), configuration), `${index}`).toThrow(
        refusal(/./),
      );
    }
  });

  it('refuses what follows FINISH and what lies beyond a memory', async () => {
    const instructions = await fashionInstructions();
    const [first] = instructions;
    if (first?.operation !== 'LOAD') throw new Error('the program does not begin with LOAD');
    expect(() => checkTokens([...instructions, first], configuration)).toThrow(refusal(/after FINISH/));
    expect(() =>
      checkTokens(
        instructions.with(0, { ...first, sramAddress: configuration.activationWords }),
        configuration,
      ),
    ).toThrow(refusal(/ACTIVATION, which has 1024/));
  });
});
