import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../agent/scoring/byte-budget.ts';

describe('ByteBudget', () => {
  it('lets in what fits and keeps the rest in line, the small behind the large', async () => {
    const budget = new ByteBudget({ bytesMax: 100, waitingMax: 2 });
    const entered: string[] = [];
    const enter = (name: string, bytes: number): Promise<void> =>
      budget.acquire(bytes).then(() => void entered.push(name));
    await enter('a', 60);
    const large = enter('large', 80);
    const small = enter('small', 10);
    await expect(budget.acquire(1)).rejects.toMatchObject({ code: 'queue_full' });
    expect(entered).toEqual(['a']);
    budget.release(60);
    await Promise.all([large, small]);
    expect(entered).toEqual(['a', 'large', 'small']);
  });

  it('gives what is more than there is to one alone', async () => {
    const budget = new ByteBudget({ bytesMax: 100, waitingMax: 2 });
    await budget.acquire(500);
    const next = budget.acquire(1);
    budget.release(500);
    await next;
  });
});
