import type { ExploredConfiguration } from './explore.ts';

const kilobitsPerBram = 36;
const kilobitsPerUram = 288;

/**
 * The rows, with those marked that nothing beats: of configurations that fit their part and run the model,
 * no other has its share of the model, latency, throughput, DSP and on-chip memory at least as good and one
 * of them better.
 */
export function paretoFront(rows: readonly ExploredConfiguration[]): ExploredConfiguration[] {
  const costs = rows.map(costsOf);
  return rows.map((row, index) => {
    const own = costs[index];
    const isBeaten = costs.some((other) => other !== undefined && own !== undefined && beats(other, own));
    return { ...row, isOnFront: own !== undefined && !isBeaten };
  });
}

/** Figures of which less is better; undefined for a row that is no choice. */
function costsOf({ performance, fitsPart, resources }: ExploredConfiguration): number[] | undefined {
  if (performance === undefined || !fitsPart) return undefined;
  const kilobits = resources.bram36 * kilobitsPerBram + resources.uram * kilobitsPerUram;
  return [
    -performance.multiplyAccumulates,
    performance.milliseconds,
    -performance.itemsPerSecond,
    resources.dsp,
    kilobits,
  ];
}

function beats(first: readonly number[], second: readonly number[]): boolean {
  return (
    first.every((cost, index) => cost <= (second[index] ?? 0)) &&
    first.some((cost, index) => cost < (second[index] ?? 0))
  );
}
