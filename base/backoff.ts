/** Delay after the n-th failure in a row (n from 1): `baseMs` doubled each time, at most `capMs`. */
export function backoffMs(options: { failures: number; baseMs: number; capMs: number }): number {
  return Math.min(options.capMs, options.baseMs * 2 ** Math.min(options.failures - 1, 52));
}
