import { describe, expect, it } from 'vitest';
import { workspaceLimits } from '../../../../workspace/limits.ts';
import { reconnectDelayMs } from '../../../../workspace/mqtt/reconnect-delay.ts';

describe('the delay before a reconnection', () => {
  it('is anything below a bound that doubles up to the cap', () => {
    const bounds = [0, 1, 2, 8, 9, 100].map((failures) => reconnectDelayMs({ failures, random: () => 1 }));
    expect(bounds).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, workspaceLimits.reconnectCapMs]);
    expect(reconnectDelayMs({ failures: 3, random: () => 0 })).toBe(0);
    expect(reconnectDelayMs({ failures: 3, random: () => 0.5 })).toBe(4_000);
  });
});
