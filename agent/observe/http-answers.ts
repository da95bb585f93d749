import type { ErrorCode } from '../../contract/errors.ts';

/** Counts answers by status and error code; both come from closed lists. */
export class HttpAnswers {
  readonly #counts = new Map<number, Map<ErrorCode | '', number>>();

  /** Counts one. */
  count(status: number, code: ErrorCode | undefined): void {
    let codes = this.#counts.get(status);
    if (codes === undefined) {
      codes = new Map();
      this.#counts.set(status, codes);
    }
    codes.set(code ?? '', (codes.get(code ?? '') ?? 0) + 1);
  }

  /** All counts; the code of an answer that is no error is empty. */
  samples(): { labels: { status: string; code: string }; value: number }[] {
    return [...this.#counts].flatMap(([status, codes]) =>
      [...codes].map(([code, value]) => ({ labels: { status: String(status), code }, value })),
    );
  }
}
