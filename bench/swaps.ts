import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { scoringEnvironment } from '../agent/supervise/scoring-environment.ts';
import type { Measurement } from './measure.ts';

const swaps = 40;
/** Two layers of so many floats: 31 MB. */
const width = 1984;
const child = fileURLToPath(new URL('./swap-process.js', import.meta.url));

/**
 * Resident memory of a process that swaps a model of 31 MB forty times, with the allocator as it is and as the
 * supervisor sets it. The time is that of a swap.
 */
export async function benchSwaps(): Promise<Record<string, Measurement[]>> {
  const plain = await measure("the allocator's own settings", process.env);
  const set = await measure('as the scoring process is started', scoringEnvironment(process.env));
  const rows = [plain, set].map((row) => ({
    ...row,
    ratioToBaseline: row.medianMicroseconds / plain.medianMicroseconds,
  }));
  return { [`${swaps} swaps of a model of 31 MB`]: rows };
}

async function measure(what: string, env: NodeJS.ProcessEnv): Promise<Omit<Measurement, 'ratioToBaseline'>> {
  const startedMs = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, [child, String(width), '2', String(swaps)], {
    env,
  });
  const medianMicroseconds = ((performance.now() - startedMs) * 1000) / swaps;
  const resident = JSON.parse(stdout) as number[];
  const [first, largest] = [resident[0] ?? 0, Math.max(...resident)];
  return {
    name: `${what}: ${first} MB after the first swap, at most ${largest}, ${resident.at(-1)} after the last`,
    medianMicroseconds,
  };
}
