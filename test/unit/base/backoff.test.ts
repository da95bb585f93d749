import { expect, it } from 'vitest';
import { backoffMs } from '../../../base/backoff.ts';

it('a delay doubles with each failure in a row, up to the cap', () => {
  const delays = [1, 2, 3, 9, 10, 1_000, 100_000].map((failures) =>
    backoffMs({ failures, baseMs: 1_000, capMs: 300_000 }),
  );
  expect(delays).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000, 300_000]);
});
