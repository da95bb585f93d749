import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine } from '../../agent/engines/engine.ts';
import type { Execution } from '../../agent/engines/engine-observer.ts';
import { NpuEngine } from '../../agent/engines/npu-engine.ts';
import { OnnxEngine, type OnnxEngineOptions } from '../../agent/engines/onnx-engine.ts';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import { digestOf } from '../../base/digest.ts';
import { compileModel } from '../../compiler/compile.ts';
import { elementType } from '../../compiler/onnx/element-types.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { readModelSignature } from '../../compiler/signature.ts';
import type { RunManifest } from '../../contract/image.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { NpuDevice } from '../../native/npu.ts';
import { startScoring } from '../support/local-scoring.ts';
import { fashionModel } from '../support/make-image.ts';
import { floatValue, modelOf, node } from '../support/onnx-models.ts';
import { temporaryFolder } from '../support/paths.ts';
import { seededRandom } from '../support/random.ts';
import { identityModel } from '../support/serving-models.ts';
import { silentLogger } from '../support/workspace-fixture.ts';

const configuration = 'kv260-m';
// A busy machine gets the time to try every size.
const limits = { ...scoringLimits, batchTrialMs: 20_000 };
const nowMs = () => performance.now();

/** Collects what an engine says of its executions. */
function observing() {
  const executions: Execution[] = [];
  const observer = {
    executed: (execution: Execution) => void executions.push(execution),
    breakerChanged: () => undefined,
    shadowed: () => undefined,
  };
  return { executions, observer };
}

async function startOnnx(model: Uint8Array, options: Partial<OnnxEngineOptions> = {}): Promise<OnnxEngine> {
  const path = join(temporaryFolder(), 'model.onnx');
  await writeFile(path, model);
  const engine = new OnnxEngine({
    what: 'test',
    model: { path, digest: digestOf(model) },
    signature: readModelSignature(model),
    keepsQuantisation: true,
    sessions: 1,
    batching: { itemsMax: 16, bytesMax: limits.batchBytesMax, delayMs: 0, preferredItems: [] },
    queueDepthMax: 64,
    limits,
    nowMs,
    log: silentLogger,
    ...options,
  });
  await engine.start();
  onTestFinished(() => engine.close());
  return engine;
}

/** Requests of one to three items. */
function requests(count: number): (() => Tensor[])[] {
  const random = seededRandom(5);
  return Array.from({ length: count }, (_, index) => {
    const items = 1 + (index % 3);
    const values = Float32Array.from({ length: items * 784 }, () => random() / 2 ** 32);
    return () => [
      { name: 'input', datatype: 'FP32', shape: [items, 784], data: new Uint8Array(values.slice().buffer) },
    ];
  });
}

async function oneByOne(engine: Engine, all: readonly (() => Tensor[])[]): Promise<Tensor[][]> {
  const answers: Tensor[][] = [];
  for (const request of all) answers.push(copied(await engine.infer(request())));
  return answers;
}

const copied = (tensors: Tensor[]) => tensors.map((each) => ({ ...each, data: new Uint8Array(each.data) }));

describe('requests that run together', () => {
  it.each(['thread', 'inline'] as const)(
    'have the bytes of single ones on ONNX Runtime (%s)',
    async (placement) => {
      const { canonicalModel } = await compileModel(fashionModel(), { configuration });
      const { executions, observer } = observing();
      const engine = await startOnnx(canonicalModel, { placement, observer });
      expect(engine.isInline).toBe(placement === 'inline');
      const all = requests(40);
      const alone = await oneByOne(engine, all);
      executions.length = 0;
      const together = await Promise.all(all.map((request) => engine.infer(request())));
      expect(together.map(copied)).toEqual(alone);
      expect(executions.length).toBeLessThan(20);
      expect(Math.max(...executions.map(({ items }) => items))).toBeLessThanOrEqual(16);
      const sum = (key: 'requests' | 'items') => executions.reduce((total, each) => total + each[key], 0);
      expect([sum('requests'), sum('items')]).toEqual([40, 79]);
    },
  );

  it('have the bytes of single ones on the NPU, and of ONNX Runtime', async () => {
    const { program, inputs, outputs, canonicalModel } = await compileModel(fashionModel(), {
      configuration,
    });
    const device = NpuDevice.open({ kind: 'simulator', configuration });
    const { executions, observer } = observing();
    const npu = new NpuEngine({
      what: 'test',
      route: 'fpga-sim',
      program: await device.load(program),
      inputParallel: device.hardware.inputParallel,
      signature: readModelSignature(fashionModel()),
      bindings: { inputs, outputs },
      queueDepthMax: 64,
      timeoutMs: 10_000,
      nowMs,
      observer,
    });
    onTestFinished(async () => {
      await npu.close();
      await device.close();
    });
    const wanted = { itemsMax: 16, bytesMax: limits.batchBytesMax, delayMs: 0, preferredItems: [] };
    await npu.start({ wanted, limits, log: silentLogger });
    const all = requests(40);
    const alone = await oneByOne(npu, all);
    executions.length = 0;
    const together = await Promise.all(all.map((request) => npu.infer(request())));
    expect(together.map(copied)).toEqual(alone);
    expect(executions.length).toBeLessThan(20);
    expect(executions.every(({ npuCycles = 0 }) => npuCycles > 0)).toBe(true);
    const cpu = await startOnnx(canonicalModel);
    expect(await oneByOne(cpu, all)).toEqual(alone);
  });

  it('are those of the device itself where it finds batches exact', async () => {
    const engine = await startOnnx(fashionModel(), { batching: 'auto' });
    expect(engine.batching?.itemsMax).toBeGreaterThan(1);
    const all = requests(20);
    const alone = await oneByOne(engine, all);
    const together = await Promise.all(all.map((request) => engine.infer(request())));
    expect(together.map(copied)).toEqual(alone);
  });

  it('are none where an item depends on its neighbours', async () => {
    const model = writeModel(
      modelOf({
        nodes: [
          node('ReduceMean', {
            inputs: ['x'],
            outputs: ['mean'],
            attributes: { axes: { kind: 'ints', value: [0] } },
          }),
          node('Sub', { inputs: ['x', 'mean'], outputs: ['y'] }),
        ],
        initialisers: [],
        inputs: [floatValue('x', [-1, 4])],
        outputs: [floatValue('y', [-1, 4])],
      }),
    );
    expect((await startOnnx(model, { batching: 'auto' })).batching).toBeUndefined();
  });

  it('fail alone: an index that ONNX Runtime refuses is refused, its neighbours are answered', async () => {
    const table = new Float32Array([10, 11, 12, 13]);
    const model = writeModel(
      modelOf({
        nodes: [node('Gather', { inputs: ['table', 'x'], outputs: ['y'] })],
        initialisers: [
          { name: 'table', elementType: elementType.FLOAT, shape: [4], data: new Uint8Array(table.buffer) },
        ],
        inputs: [{ name: 'x', elementType: elementType.INT64, shape: [-1] }],
        outputs: [floatValue('y', [-1])],
      }),
    );
    const engine = await startOnnx(model);
    const ask = async (index: number): Promise<number | undefined> => {
      const data = new Uint8Array(BigInt64Array.of(BigInt(index)).buffer);
      const [y] = await engine.infer([{ name: 'x', datatype: 'INT64', shape: [1], data }]);
      return new Float32Array(y?.data.slice().buffer ?? [])[0];
    };
    const answers = await Promise.allSettled([1, 2, 99, 3].map(ask));
    expect(answers[2]).toMatchObject({ status: 'rejected', reason: { code: 'engine_failed' } });
    const values = answers.map((each) => (each.status === 'fulfilled' ? each.value : undefined));
    expect(values).toEqual([11, 12, undefined, 13]);
  });

  it('merge only within one shape', async () => {
    const model = writeModel(
      modelOf({
        nodes: [node('Neg', { inputs: ['x'], outputs: ['y'] })],
        initialisers: [],
        inputs: [floatValue('x', [-1, -1])],
        outputs: [floatValue('y', [-1, -1])],
      }),
    );
    const { executions, observer } = observing();
    const engine = await startOnnx(model, { observer });
    const widths = [1, 2, 3, 2, 3, 2, 3];
    const answers = await Promise.all(
      widths.map((width, index) =>
        engine.infer([
          {
            name: 'x',
            datatype: 'FP32',
            shape: [1, width],
            data: new Uint8Array(new Float32Array(width).fill(index).buffer),
          },
        ]),
      ),
    );
    expect(answers.map(([y]) => [y?.shape, ...new Float32Array(y?.data.slice().buffer ?? [])])).toEqual(
      widths.map((width, index) => [[1, width], ...new Array<number>(width).fill(-index)]),
    );
    expect(executions.map((each) => each.requests)).toEqual([1, 3, 3]);
  });
});

describe('placement', () => {
  it('tells the time of where a request would run', async () => {
    const engine = await startOnnx(fashionModel(), { placement: 'inline' });
    for (const request of requests(1)) await engine.infer(request());
    expect(engine.expectedMs()).toBeGreaterThan(0);
    // Too many items for the event loop, and no thread has run anything yet.
    expect(engine.expectedMs(undefined, 1_000_000)).toBe(0);
  });

  it('is a thread for counts, and for too many items', async () => {
    expect((await startOnnx(identityModel(['INT64']), { placement: 'inline' })).isInline).toBe(false);
    const engine = await startOnnx(fashionModel(), {
      placement: 'inline',
      limits: { ...limits, inlineRequestMs: 1e-6 },
    });
    const [one, , three] = requests(3);
    // On the event loop a request has run when it is asked for: nothing is left for a thread.
    const alone = engine.infer(one?.() ?? []);
    expect(await isLaterThanTurns(alone)).toBe(false);
    const many = engine.infer(three?.() ?? []);
    expect(await isLaterThanTurns(many)).toBe(true);
    expect((await many)[0]?.shape).toEqual([3, 10]);
  });

  it('on the event loop serves golden samples and requests like any other, also over a swap', async () => {
    const scoring = await startScoring();
    const edit = (run: RunManifest) => {
      run.routes.cpu.placement = 'inline';
    };
    const body = { input: new Array<number>(784).fill(0.5) };
    await scoring.deploy('fashion', { edit });
    const first = await scoring.post('/score', { input: [body.input] });
    expect(first.status).toBe(200);
    await scoring.deploy('fashion', { edit, version: 2 });
    const burst = await Promise.all(
      Array.from({ length: 20 }, () => scoring.post('/score', { input: [body.input] })),
    );
    expect(burst.map(({ text }) => text)).toEqual(new Array(20).fill(first.text));
  });
});

/** Whether work is not over when all that was ready to run has run. */
async function isLaterThanTurns(work: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  void work.then(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  return !isOver;
}
