import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sequences, type SequencesOptions } from '../../../../agent/sequences/sequences.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import type { Tensor, TensorSignature } from '../../../../contract/tensors.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const signature: TensorSignature = {
  inputs: [
    { name: 'x', datatype: 'INT8', shape: [-1] },
    { name: 'sum', datatype: 'INT8', shape: [-1] },
  ],
  outputs: [
    { name: 'y', datatype: 'INT8', shape: [-1] },
    { name: 'next', datatype: 'INT8', shape: [-1] },
  ],
};

function tensor(name: string, ...values: number[]): Tensor {
  return { name, datatype: 'INT8', shape: [values.length], data: new Uint8Array(values) };
}

function valuesOf(tensors: readonly Tensor[], name: string): number[] {
  return [...(tensors.find((each) => each.name === name)?.data ?? [])];
}

/** The running sum of `x`, made when somebody opens the gate: until then its inputs must stay as they are. */
class Accumulator {
  readonly seen: number[] = [];
  readonly #gates: (() => void)[] = [];
  isHeld = false;
  failure: SluiceError | undefined;

  infer = async (inputs: Tensor[]): Promise<Tensor[]> => {
    this.seen.push(valuesOf(inputs, 'x')[0] ?? 0);
    if (this.isHeld) await new Promise<void>((open) => this.#gates.push(open));
    if (this.failure !== undefined) throw this.failure;
    const sum = valuesOf(inputs, 'sum');
    const after = valuesOf(inputs, 'x').map((value, index) => value + (sum[index] ?? 0));
    return [tensor('y', ...after), tensor('next', ...after)];
  };

  async open(): Promise<void> {
    this.#gates.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  }
}

interface Asked {
  start?: boolean;
  end?: boolean;
  signal?: AbortSignal;
  deadlineMs?: number;
  priority?: number;
  more?: Tensor[];
}

function make(
  options: Partial<Omit<SequencesOptions, 'settings'>> & { idleMs?: number; most?: number } = {},
) {
  const { idleMs = 1000, most = 3, ...rest } = options;
  const sequences = new Sequences({
    what: 'test',
    signature,
    settings: { state: [{ input: 'sum', output: 'next' }], idleMs, sequencesMax: most },
    sequenceWaitingMax: 2,
    waitingMax: 3,
    stateBytesMax: 8,
    nowMs: () => performance.now(),
    ...rest,
  });
  const model = new Accumulator();
  const ask = async (id: string, x: number[], asked: Asked = {}): Promise<number[]> => {
    const { start: isStart = false, end: isEnd = false, more = [], ...terms } = asked;
    const outputs = await sequences.run({
      sequence: { id, isStart, isEnd },
      inputs: [tensor('x', ...x), ...more],
      terms,
      infer: model.infer,
    });
    return valuesOf(outputs, 'y');
  };
  const begin = (id: string, ...x: number[]) => ask(id, x, { start: true });
  return { sequences, model, ask, begin };
}

describe('a sequence', () => {
  it('goes on where its last request left it, whatever other sequences do', async () => {
    const { ask, begin } = make();
    expect(await begin('a', 1)).toEqual([1]);
    expect(await begin('b', 10)).toEqual([10]);
    expect(await ask('a', [2])).toEqual([3]);
    expect(await ask('b', [20])).toEqual([30]);
    expect(await ask('a', [3])).toEqual([6]);
  });

  it('begins anew at its start, from a given state if there is one', async () => {
    const { ask, begin } = make();
    await begin('a', 5);
    expect(await begin('a', 1)).toEqual([1]);
    expect(await ask('a', [1, 1], { start: true, more: [tensor('sum', 40, 50)] })).toEqual([41, 51]);
    expect(await ask('a', [1, 2])).toEqual([42, 53]);
    await expect(ask('a', [1], { more: [tensor('sum', 0)] })).rejects.toMatchObject({ code: 'tensor_name' });
    expect(await ask('a', [0, 0])).toEqual([42, 53]);
  });

  it('is gone after its end, and unknown before its start', async () => {
    const { sequences, ask, begin } = make();
    await expect(ask('a', [1])).rejects.toMatchObject({ code: 'sequence_unknown', status: 400 });
    await begin('a', 1);
    expect(await ask('a', [1], { end: true })).toEqual([2]);
    expect([sequences.count, sequences.stateBytes]).toEqual([0, 0]);
    await expect(ask('a', [1])).rejects.toMatchObject({ code: 'sequence_unknown' });
    expect(await ask('a', [7], { start: true, end: true })).toEqual([7]);
    expect(sequences.count).toBe(0);
  });

  it('runs its requests one at a time in their order, beside other sequences', async () => {
    const { model, ask, begin } = make();
    model.isHeld = true;
    const first = begin('a', 1);
    const second = ask('a', [2], { priority: 9 });
    const third = ask('a', [3], { priority: 1 });
    const other = begin('b', 10);
    await vi.advanceTimersByTimeAsync(0);
    expect(model.seen).toEqual([1, 10]);
    for (let opened = 0; opened < 4; opened += 1) await model.open();
    expect(await Promise.all([first, second, third, other])).toEqual([[1], [3], [6], [10]]);
    expect(model.seen).toEqual([1, 10, 2, 3]);
  });

  it('keeps its state when a run fails, or begins only by one that succeeds', async () => {
    const { sequences, model, ask, begin } = make();
    await begin('a', 1);
    model.failure = new SluiceError('engine_failed', 'test');
    await expect(ask('a', [2])).rejects.toMatchObject({ code: 'engine_failed' });
    await expect(begin('a', 2)).rejects.toMatchObject({ code: 'engine_failed' });
    await expect(ask('a', [2], { end: true })).rejects.toMatchObject({ code: 'engine_failed' });
    await expect(begin('b', 2)).rejects.toMatchObject({ code: 'engine_failed' });
    expect(sequences.count).toBe(1);
    model.failure = undefined;
    expect(await ask('a', [3])).toEqual([4]);
    await expect(ask('b', [3])).rejects.toMatchObject({ code: 'sequence_unknown' });
  });

  it('refuses what waits behind a start that fails', async () => {
    const { model, ask, begin } = make();
    model.isHeld = true;
    model.failure = new SluiceError('engine_failed', 'test');
    const first = expect(begin('a', 1)).rejects.toMatchObject({ code: 'engine_failed' });
    const second = expect(ask('a', [2])).rejects.toMatchObject({ code: 'sequence_unknown' });
    await vi.advanceTimersByTimeAsync(0);
    await model.open();
    await Promise.all([first, second]);
    expect(model.seen).toEqual([1]);
  });

  it('keeps its state when nobody waits for the answer any more', async () => {
    const { model, ask, begin } = make();
    await begin('a', 1);
    model.isHeld = true;
    const leaving = new AbortController();
    const running = expect(ask('a', [2], { signal: leaving.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    const waiting = expect(ask('a', [4], { signal: leaving.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    const late = expect(ask('a', [8], { deadlineMs: performance.now() + 5 })).rejects.toMatchObject({
      code: 'deadline_passed',
    });
    await vi.advanceTimersByTimeAsync(5);
    leaving.abort();
    await waiting;
    await late;
    await model.open();
    await running;
    model.isHeld = false;
    expect(await ask('a', [16])).toEqual([17]);
    expect(model.seen).toEqual([1, 2, 16]);
  });

  it('lets few requests wait, of one sequence and of all', async () => {
    const { model, ask, begin } = make();
    model.isHeld = true;
    const accepted = [begin('a', 1), ask('a', [2]), ask('a', [3])];
    await expect(ask('a', [4])).rejects.toMatchObject({ code: 'queue_full', status: 429 });
    accepted.push(begin('b', 1), ask('b', [2]));
    await expect(ask('b', [3])).rejects.toMatchObject({ code: 'queue_full' });
    for (let opened = 0; opened < 5; opened += 1) await model.open();
    expect(await Promise.all(accepted)).toEqual([[1], [3], [6], [1], [3]]);
  });
});

describe('sequences', () => {
  it('are forgotten when idle for their time, and no earlier', async () => {
    const { sequences, ask, begin } = make({ idleMs: 100 });
    await begin('a', 1);
    await vi.advanceTimersByTimeAsync(60);
    await begin('b', 1);
    await vi.advanceTimersByTimeAsync(39);
    expect(await ask('a', [1])).toEqual([2]);
    await vi.advanceTimersByTimeAsync(60);
    expect(sequences.count).toBe(2);
    // The timer alone frees them.
    await vi.advanceTimersByTimeAsync(1);
    expect([sequences.count, sequences.stateBytes]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(40);
    expect([sequences.count, sequences.stateBytes]).toEqual([0, 0]);
    await expect(ask('a', [1])).rejects.toMatchObject({ code: 'sequence_unknown' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('do not expire while a request runs', async () => {
    const { model, ask, begin } = make({ idleMs: 100 });
    await begin('a', 1);
    model.isHeld = true;
    const running = ask('a', [1]);
    await vi.advanceTimersByTimeAsync(500);
    await model.open();
    expect(await running).toEqual([2]);
    model.isHeld = false;
    expect(await ask('a', [1])).toEqual([3]);
  });

  it('are never given up for new ones, which hear when to come again', async () => {
    const { ask, begin } = make({ idleMs: 100, most: 2 });
    await begin('a', 1);
    await vi.advanceTimersByTimeAsync(30);
    await begin('b', 1);
    await vi.advanceTimersByTimeAsync(10);
    await expect(begin('c', 1)).rejects.toMatchObject({
      code: 'sequences_full',
      status: 429,
      retryAfterMs: 60,
    });
    expect(await begin('b', 2)).toEqual([2]);
    expect(await ask('a', [1])).toEqual([2]);
    await vi.advanceTimersByTimeAsync(100);
    expect(await begin('c', 1)).toEqual([1]);
  });

  it('hold no more state than they may', async () => {
    const { sequences, ask, begin } = make();
    await begin('a', 1, 1, 1, 1, 1);
    expect(sequences.stateBytes).toBe(5);
    await expect(begin('b', 1, 1, 1, 1)).rejects.toMatchObject({
      code: 'sequences_full',
      retryAfterMs: 1000,
    });
    await expect(begin('b', 1, 1, 1, 1, 1, 1, 1, 1, 1)).rejects.toMatchObject({ code: 'limit_exceeded' });
    expect(await begin('b', 1, 1, 1)).toEqual([1, 1, 1]);
    expect(await ask('a', [1, 0, 0, 0, 0])).toEqual([2, 1, 1, 1, 1]);
    expect([sequences.count, sequences.stateBytes]).toEqual([2, 8]);
    await begin('a', 1);
    expect(sequences.stateBytes).toBe(4);
    sequences.close();
    expect([sequences.count, sequences.stateBytes, vi.getTimerCount()]).toEqual([0, 0, 0]);
  });

  it('leave the state out of answers, unless it is all that there is', () => {
    const { sequences } = make();
    expect(sequences.signature.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(sequences.signature.outputs.map(({ name }) => name)).toEqual(['y']);
    const [, next] = signature.outputs;
    const alone = make({
      signature: { inputs: signature.inputs, outputs: next === undefined ? [] : [next] },
    });
    expect(alone.sequences.signature.outputs.map(({ name }) => name)).toEqual(['next']);
  });

  it('take no state of a shape that the next run would refuse', async () => {
    const { sequences } = make({
      signature: {
        inputs: [...signature.inputs.slice(0, 1), { name: 'sum', datatype: 'INT8', shape: [2] }],
        outputs: signature.outputs,
      },
    });
    const run = sequences.run({
      sequence: { id: 'a', isStart: true, isEnd: false },
      inputs: [tensor('x', 1)],
      terms: {},
      infer: async () => [tensor('y', 1), tensor('next', 1)],
    });
    await expect(run).rejects.toMatchObject({ code: 'engine_failed' });
    expect(sequences.count).toBe(0);
  });
});
