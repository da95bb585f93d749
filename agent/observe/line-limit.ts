import type { ErrorCode } from '../../contract/errors.ts';

const windowMs = 60_000;

/** How many lines a log takes. */
export interface LineLimitOptions {
  /** Lines above the debug level for one status and error code in a minute. */
  linesPerMinuteMax: number;
  nowMs: () => number;
}

interface Window {
  endMs: number;
  lines: number;
  leftOut: number;
}

/** Counts lines by status and code, which are closed lists. */
export class LineLimit {
  readonly #options: LineLimitOptions;
  readonly #windows = new Map<string, Window>();

  constructor(options: LineLimitOptions) {
    this.#options = options;
  }

  /** How many lines of the kind were left out before this one; undefined when this one is to be left out too. */
  take(status: number, code: ErrorCode | undefined): number | undefined {
    const { linesPerMinuteMax, nowMs } = this.#options;
    const key = `${status} ${code ?? ''}`;
    let window = this.#windows.get(key);
    if (window === undefined || nowMs() >= window.endMs) {
      window = { endMs: nowMs() + windowMs, lines: 0, leftOut: window?.leftOut ?? 0 };
      this.#windows.set(key, window);
    }
    if (window.lines >= linesPerMinuteMax) {
      window.leftOut += 1;
      return undefined;
    }
    window.lines += 1;
    const { leftOut } = window;
    window.leftOut = 0;
    return leftOut;
  }
}
