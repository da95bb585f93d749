import { workspaceLimits } from '../limits.ts';

/** Full jitter: a random time below a bound that doubles with each failure, up to a cap. */
export function reconnectDelayMs(options: { failures: number; random: () => number }): number {
  const { reconnectBaseMs, reconnectCapMs } = workspaceLimits;
  return options.random() * Math.min(reconnectCapMs, reconnectBaseMs * 2 ** options.failures);
}
