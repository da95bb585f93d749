import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../contract/errors.ts';
import { type HardwareConfiguration, hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import {
  type AddInstruction,
  encodeInstructions,
  type Instruction,
  type InstructionControl,
  noTokens,
  type TransferInstruction,
} from '../../contract/npu/instructions.ts';
import { encodeProgram } from '../../contract/npu/program.ts';
import { chromeTrace } from '../../native/chrome-trace.ts';
import { estimateProgram } from '../../native/npu-timing.ts';

const hardware = hardwareConfigurations.ci as HardwareConfiguration;
type Tokens = Partial<InstructionControl>;

function transfer(operation: 'LOAD' | 'STORE', beats: number, tokens: Tokens): TransferInstruction {
  return {
    ...noTokens,
    ...tokens,
    operation,
    region: operation === 'LOAD' ? 'INPUT' : 'OUTPUT',
    memory: 'ACTIVATION',
    dramOffset: 0,
    address: 0,
    columns: beats,
    rows: 1,
    blocks: 1,
    dramRowPitch: beats,
    dramBlockPitch: beats,
    rowPitch: beats,
    blockPitch: beats,
  };
}

function add(rows: number, tokens: Tokens): AddInstruction {
  return {
    ...noTokens,
    ...tokens,
    operation: 'ADD',
    firstAddress: 0,
    secondAddress: 0,
    outputAddress: 100,
    rows,
    columns: hardware.pixelParallel,
    blocks: 1,
    firstRowPitch: 1,
    firstBlockPitch: 1,
    secondRowPitch: 1,
    secondBlockPitch: 1,
    outputRowPitch: 1,
    outputBlockPitch: 1,
    broadcast: 0,
    firstTable: 0,
    secondTable: 1,
    shift: 16,
    window: 0,
    outputZeroPoint: 0,
    minimum: -128,
    maximum: 127,
  };
}

function programOf(instructions: readonly Instruction[], hardwareHash = hardware.hash): Uint8Array {
  return encodeProgram({
    hardwareHash,
    instructions: encodeInstructions(instructions),
    weights: new Uint8Array(0),
    inputBytes: 1024,
    outputBytes: 1024,
    arenaBytes: 0,
  });
}

const chain: Instruction[] = [
  transfer('LOAD', 100, { pushNext: true, layer: 3 }),
  add(50, { popPrevious: true, pushNext: true, layer: 7 }),
  transfer('STORE', 40, { popPrevious: true, layer: 7 }),
  { ...noTokens, operation: 'FINISH' },
];

describe('the estimate of a program', () => {
  it('is the timeline worked out by hand, marked as an estimate', async () => {
    const estimate = await estimateProgram(programOf(chain), { configuration: hardware });
    // Fetch 80 + 4, LOAD 80 + 100, ADD 32 + 50 * 2 + 2, STORE 80 + 40.
    const loaded = 84 + 180;
    const added = loaded + 134;
    expect(estimate).toMatchObject({
      label: 'estimated',
      calibrated: 'none',
      configuration: 'ci',
      cycles: added + 120,
      milliseconds: (added + 120) / 100_000,
      executeCycles: 102,
      utilisation: 0,
      bytesLoaded: 800,
      bytesStored: 320,
    });
    expect(estimate.units.EXECUTE).toMatchObject({ instructions: 1, busy: 102, fill: 32, dispatch: 88 });
    expect(estimate.units.EXECUTE.tokenPrevious).toBe(loaded - 88);
    expect(estimate.units.STORE).toMatchObject({ instructions: 2, latency: 80, busy: 40 });
    expect(estimate.layers.map(({ layer, cycles, bytesLoaded }) => ({ layer, cycles, bytesLoaded }))).toEqual(
      [
        { layer: 3, cycles: 0, bytesLoaded: 800 },
        { layer: 7, cycles: added + 120, bytesLoaded: 0 },
      ],
    );
    expect(estimate.layers[1]).toMatchObject({ executeBusyCycles: 102, storeBusyCycles: 40, endCycle: 518 });
  });

  it('holds for hardware that does not exist', async () => {
    const timing = { ...hardware.timing, memoryMegabytesPerSecond: 400 };
    const estimate = await estimateProgram(programOf(chain), { configuration: { ...hardware, timing } });
    // Half a beat a clock.
    expect(estimate.cycles).toBe(518 + 100 + 40);
    expect(estimate.units.LOAD.bandwidth).toBe(100);
  });

  it('gives a trace that viewers of the Trace Event Format read', async () => {
    const estimate = await estimateProgram(programOf(chain), { configuration: hardware });
    const lines = [...chromeTrace(estimate, { clockMhz: 100, layerNames: ['input', '', '', 'stem'] })];
    const trace = JSON.parse(lines.join('\n')) as {
      otherData: unknown;
      traceEvents: { ph: string; name: string; tid: number; ts: number; dur: number }[];
    };
    expect(trace.otherData).toMatchObject({ label: 'estimated', calibrated: 'none', cycles: 518 });
    const spans = trace.traceEvents.filter(({ ph }) => ph === 'X');
    expect(spans.map(({ name, tid, ts, dur }) => [name, tid, ts, dur])).toEqual([
      ['LOAD stem', 0, 0.84, 1.8],
      ['ADD layer 7', 1, 2.64, 1.34],
      ['STORE layer 7', 2, 3.98, 1.2],
      ['FINISH input', 2, 5.18, 0],
    ]);
  });
});

async function codeOf(estimate: Promise<unknown>): Promise<string> {
  const error = await estimate.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof SluiceError ? error.code : String(error);
}

describe('an estimate is refused', () => {
  const finish: Instruction = { ...noTokens, operation: 'FINISH' };
  it.each([
    ['a token that never comes', [add(1, { popPrevious: true }), finish]],
    ['no FINISH', [add(1, {})]],
    ['more lines than there are', [add(513, {}), finish]],
  ])('%s', async (_, instructions) => {
    const estimate = estimateProgram(programOf(instructions), { configuration: hardware });
    expect(await codeOf(estimate)).toBe('program_invalid');
  });

  it('for other hardware, damaged headers and impossible parameters', async () => {
    const program = programOf(chain, 'ab'.repeat(32));
    expect(await codeOf(estimateProgram(program, { configuration: hardware }))).toBe(
      'program_hardware_mismatch',
    );
    expect(await codeOf(estimateProgram(program.subarray(1), { configuration: hardware }))).toBe(
      'program_invalid',
    );
    const configuration = { ...hardware, pixelParallel: 0 };
    expect(await codeOf(estimateProgram(programOf(chain), { configuration }))).toBe('program_invalid');
  });

  it('while too many run, and no longer', async () => {
    const program = programOf(longProgram());
    const codes = await Promise.all(
      Array.from({ length: 12 }, () => codeOf(estimateProgram(program, { configuration: hardware }))),
    );
    expect(codes.filter((code) => code === 'queue_full')).toHaveLength(4);
    expect((await estimateProgram(program, { configuration: hardware })).units.EXECUTE.instructions).toBe(
      65535,
    );
  });
});

function longProgram(): Instruction[] {
  const instructions: Instruction[] = new Array(65535).fill(add(2, {}));
  return [...instructions, { ...noTokens, operation: 'FINISH' }];
}

describe('a worker thread', () => {
  it('may end while it estimates', async () => {
    const module = new URL('../../native/npu-timing.js', import.meta.url).href;
    const code = `
      import { workerData, parentPort } from 'node:worker_threads';
      const { estimateProgram } = await import(${JSON.stringify(module)});
      const estimates = Array.from({ length: 4 }, () => estimateProgram(workerData.program, workerData));
      parentPort.postMessage('begun');
      await Promise.all(estimates);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
      workerData: { program: programOf(longProgram()), configuration: hardware },
    });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    expect(await worker.terminate()).toBe(1);
    // The threads that the environment's end stopped have given their places back.
    const program = programOf(chain);
    const again = Array.from({ length: 8 }, () => estimateProgram(program, { configuration: hardware }));
    expect((await Promise.all(again)).map(({ cycles }) => cycles)).toEqual(new Array(8).fill(518));
  });
});
