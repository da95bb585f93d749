import { describe, expect, it } from 'vitest';
import { type BatchTrial, proveBatching } from '../../../../agent/engines/prove-batching.ts';
import type { Tensor, TensorSignature } from '../../../../contract/tensors.ts';

const description = { name: 'x', datatype: 'INT8', shape: [-1, 3] } as const;
const signature: TensorSignature = {
  inputs: [{ ...description, shape: [-1, 3] }],
  outputs: [{ ...description, name: 'y', shape: [-1, 3] }],
};

/** A model that gives its input back, in so many milliseconds a run and an item, unless `change` says otherwise. */
function trialOf(
  options: Partial<BatchTrial> & { fixedMs?: number; itemMs?: number; change?: (y: Tensor) => Tensor } = {},
) {
  const { fixedMs = 5, itemMs = 0, change = (y) => y, ...rest } = options;
  let now = 0;
  return proveBatching({
    signature,
    itemsAreIndependent: false,
    itemsMax: 32,
    bytesMax: 1_000,
    budgetMs: 10_000,
    nowMs: () => now,
    run: async ([x]) => {
      now += fixedMs + itemMs * (x?.shape[0] ?? 0);
      return [change({ ...(x as Tensor), name: 'y' })];
    },
    ...rest,
  });
}

describe('the trial of a model', () => {
  it('goes up to the limit where a batch has the bytes of its requests', async () => {
    expect(await trialOf()).toEqual({ exactItems: 32, worthwhileItems: 32, end: 'limit' });
    expect(await trialOf({ itemsMax: 5 })).toMatchObject({ exactItems: 5, end: 'limit' });
    expect(await trialOf({ bytesMax: 3 * 8 })).toMatchObject({ exactItems: 8, end: 'limit' });
  });

  it('finds an answer that depends on its neighbours', async () => {
    const change = (y: Tensor): Tensor => ({ ...y, data: y.data.map((value) => value + (y.data[0] ?? 0)) });
    expect(await trialOf({ change })).toMatchObject({
      exactItems: 1,
      worthwhileItems: 1,
      end: 'other bytes',
    });
  });

  it('finds where a kernel for many rows has other bits', async () => {
    const change = (y: Tensor): Tensor =>
      (y.shape[0] ?? 0) < 8
        ? y
        : { ...y, data: y.data.map((value, index) => (index === 4 ? value ^ 1 : value)) };
    expect(await trialOf({ change })).toMatchObject({
      exactItems: 7,
      worthwhileItems: 7,
      end: 'other bytes',
    });
  });

  it('merges nothing that takes as long together', async () => {
    expect(await trialOf({ fixedMs: 0, itemMs: 5 })).toMatchObject({ exactItems: 32, worthwhileItems: 1 });
  });

  it('ends when its time is over', async () => {
    expect(await trialOf({ budgetMs: 29 })).toMatchObject({ exactItems: 3, end: 'time' });
  });

  it('measures time alone where items are known to be independent', async () => {
    const runs: number[] = [];
    const change = (y: Tensor): Tensor => {
      runs.push(y.shape[0] as number);
      return y;
    };
    const trial = { itemsAreIndependent: true, change };
    expect(await trialOf(trial)).toEqual({ exactItems: 32, worthwhileItems: 32, end: 'limit' });
    expect(runs).toEqual([1, 1, 1, 1, 1, 1, 32]);
    expect(await trialOf({ ...trial, itemsMax: 5 })).toMatchObject({ exactItems: 5, worthwhileItems: 5 });
    expect(await trialOf({ ...trial, bytesMax: 3 * 8 })).toMatchObject({ exactItems: 8, worthwhileItems: 8 });
    expect(await trialOf({ ...trial, bytesMax: 2 })).toMatchObject({ exactItems: 1, worthwhileItems: 1 });
    expect(await trialOf({ ...trial, fixedMs: 0, itemMs: 5 })).toMatchObject({ worthwhileItems: 1 });
  });

  it('leaves out the sizes that would take longer than there is time', async () => {
    const trial = { itemsAreIndependent: true, fixedMs: 10 };
    // Six runs alone are over; two of eight items would have taken 160 ms at most.
    expect(await trialOf({ ...trial, budgetMs: 230 })).toMatchObject({ worthwhileItems: 8, end: 'time' });
    expect(await trialOf({ ...trial, budgetMs: 35 })).toMatchObject({ worthwhileItems: 1, end: 'time' });
  });

  it('says what went wrong', async () => {
    const run = () => Promise.reject(new Error('on purpose'));
    expect(await trialOf({ run })).toMatchObject({ exactItems: 1, end: 'failure', reason: 'on purpose' });
    const change = (y: Tensor): Tensor => ({ ...y, shape: [1, y.data.length] });
    expect(await trialOf({ change })).toMatchObject({ exactItems: 1, end: 'failure' });
  });

  it.each([
    ['a fixed first dimension', [{ ...description, shape: [1, 3] }]],
    ['another open dimension', [{ ...description, shape: [-1, -1] }]],
    ['counts or indices', [{ ...description, datatype: 'INT64' as const, shape: [-1, 3] }]],
  ])('is not made with %s', async (_what, inputs) => {
    const run = () => Promise.reject(new Error('never run'));
    expect(await trialOf({ signature: { ...signature, inputs }, run })).toMatchObject({ end: 'not tried' });
  });
});
