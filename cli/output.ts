import type { SluiceError } from '../contract/errors.ts';

/** Exit codes of the command. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/** Writes a result: one JSON document with `--json`, else the text made by `toText`. */
export function printResult(options: { json: boolean; value: unknown; toText: () => string }): void {
  process.stdout.write(
    options.json ? `${JSON.stringify(options.value, null, 2)}\n` : `${options.toText()}\n`,
  );
}

/** Writes what happens while a command runs: one JSON document a line with `--json`, else one line of text. */
export function printProgress(options: { json: boolean; value: unknown; text: string }): void {
  process.stdout.write(`${options.json ? JSON.stringify(options.value) : options.text}\n`);
}

/** Writes an error as one line to standard error, or as one JSON document with `--json`. */
export function printError(error: SluiceError, json: boolean): void {
  const line = error.message.replaceAll(/\s*\n\s*/g, '; ');
  process.stderr.write(
    json
      ? `${JSON.stringify({ error: { code: error.code, message: line } })}\n`
      : `sluice: ${line} [${error.code}]\n`,
  );
}

/** Rows under headings, columns as wide as they need to be. */
export function table(headings: string[], rows: string[][]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `12,345`, the same in every locale of the machine. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** Enough of a digest for a table. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
