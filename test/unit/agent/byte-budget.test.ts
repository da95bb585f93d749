import { describe, expect, it } from 'vitest';
import { BudgetShare, ByteBudget } from '../../../agent/scoring/byte-budget.ts';

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

describe('BudgetShare', () => {
  it('gives back what it took, however the request ends', async () => {
    const budget = new ByteBudget({ bytesMax: 100, waitingMax: 4 });
    const [first, second, third] = [0, 1, 2].map(() => new BudgetShare(budget));
    await first?.take(80);
    const waiting = second?.take(90);
    const left = third?.take(90);
    // It leaves while it waits; what it waited for must not be lost.
    third?.end();
    first?.shrink(50);
    first?.end();
    first?.end();
    await waiting;
    // After the end nothing is given back twice.
    first?.shrink(0);
    second?.end();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    const next = new BudgetShare(budget);
    await next.take(100);
    let isIn = false;
    const blocked = new BudgetShare(budget).take(1).then(() => {
      isIn = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isIn).toBe(false);
    next.end();
    await blocked;
  });
});
