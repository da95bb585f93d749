import '../ort/disable-telemetry.ts';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchBatching } from './batching.ts';
import { benchCodec } from './codec.ts';
import { benchGrpc } from './grpc.ts';
import type { Measurement } from './measure.ts';
import { benchNpu } from './npu.ts';
import { benchNpuEstimates } from './npu-estimates.ts';
import { benchPack } from './pack.ts';
import { benchPlacement } from './placement.ts';
import { benchProcesses } from './processes.ts';
import { benchRoutes } from './routes.ts';
import { benchScrape } from './scrape.ts';
import type { Claim } from './serving/claim.ts';
import { benchServing, servingCases } from './serving/main.ts';
import { benchStart } from './start.ts';
import { benchSwaps } from './swaps.ts';

const benchmarks: Record<string, () => Promise<Record<string, Measurement[]> | Claim[]>> = {
  batching: benchBatching,
  codec: benchCodec,
  grpc: benchGrpc,
  npu: benchNpu,
  'npu-estimates': benchNpuEstimates,
  pack: benchPack,
  processes: benchProcesses,
  placement: benchPlacement,
  routes: benchRoutes,
  scrape: benchScrape,
  serving: () => benchServing(),
  ...Object.fromEntries(servingCases.map((name) => [`serving/${name}`, () => benchServing([name])])),
  start: benchStart,
  swaps: benchSwaps,
};

/**
 * `npm run bench [-- name…] [-- --json file]`: prints a table a benchmark; ratios are to its first row. Without
 * names all run; `serving/case` is a part of `serving`.
 */
async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string' } },
  });
  const names =
    positionals.length === 0 ? Object.keys(benchmarks).filter((name) => !name.includes('/')) : positionals;
  const unknown = names.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown !== undefined) {
    console.error(`bench: unknown benchmark ${unknown}; one of ${Object.keys(benchmarks).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const machine = `Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores`;
  const results: Record<string, Record<string, Measurement[]> | Claim[]> = {};
  for (const name of names) {
    const tables = (await benchmarks[name]?.()) ?? {};
    // Claims were printed when they were measured: some take minutes.
    if (!Array.isArray(tables)) {
      for (const [title, rows] of Object.entries(tables)) printTable(`${name}: ${title}`, rows);
    }
    results[name] = tables;
  }
  console.log(`\n${machine}; compare ratios, not times.`);
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  }
}

function printTable(title: string, rows: readonly Measurement[]): void {
  console.log(`\n${title}`);
  for (const { name, medianMicroseconds, ratioToBaseline, gigaMultiplyAccumulates } of rows) {
    const ratio = ratioToBaseline.toFixed(2).padStart(6);
    const time = medianMicroseconds.toFixed(0).padStart(7);
    const rate =
      gigaMultiplyAccumulates === undefined
        ? ''
        : `  ${gigaMultiplyAccumulates.toFixed(1).padStart(6)} GMAC/s`;
    console.log(`  ${ratio}x  ${time} us${rate}  ${name}`);
  }
}

await main();
