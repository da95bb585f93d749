import { cpus } from 'node:os';
import { benchCodec } from './codec.ts';
import type { Measurement } from './measure.ts';
import { benchRoutes } from './routes.ts';

const benchmarks: Record<string, () => Promise<Record<string, Measurement[]>>> = {
  codec: benchCodec,
  routes: benchRoutes,
};

/** `npm run bench [-- name…]`: prints a table a benchmark; ratios are to its first row. */
async function main(): Promise<void> {
  const names = process.argv.slice(2);
  for (const name of names.length === 0 ? Object.keys(benchmarks) : names) {
    const benchmark = benchmarks[name];
    if (benchmark === undefined) {
      console.error(`bench: unknown benchmark ${name}; one of ${Object.keys(benchmarks).join(', ')}`);
      process.exitCode = 2;
      return;
    }
    for (const [title, rows] of Object.entries(await benchmark())) {
      console.log(`\n${name}: ${title}`);
      for (const { name: row, medianMicroseconds, ratioToBaseline } of rows) {
        console.log(
          `  ${ratioToBaseline.toFixed(2).padStart(6)}x  ${medianMicroseconds.toFixed(0).padStart(7)} us  ${row}`,
        );
      }
    }
  }
  console.log(
    `\nNode ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores; compare ratios, not times.`,
  );
}

await main();
