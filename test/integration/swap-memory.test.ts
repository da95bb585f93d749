import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { scoringEnvironment } from '../../agent/supervise/scoring-environment.ts';

const child = fileURLToPath(new URL('../../bench/swap-process.js', import.meta.url));
const width = 1448;
const modelMb = (2 * 4 * width ** 2) / 1e6;
// Only glibc reads the setting; elsewhere there is nothing to test.
const isGlibc = 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;
if (!isGlibc) process.stderr.write('SKIPPED: memory after swaps; this C library has no such setting\n');

// Loaded anew eight times with the allocator's own settings, the model takes two of its sizes more than at first.
it.skipIf(!isGlibc)(
  'a process that swaps models does not keep the memory of those before',
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [child, String(width), '2', '8'], {
      env: scoringEnvironment(process.env),
    });
    const [first = 0, ...later] = JSON.parse(stdout) as number[];
    expect(later.length).toBe(7);
    expect(Math.max(...later) - first).toBeLessThan(1.5 * modelMb);
  },
  120_000,
);
