/** One way of doing a thing; each call does it once. */
export interface Contender {
  name: string;
  run: () => void | Promise<void>;
  /** Products that a call computes, where a rate means something. */
  multiplyAccumulates?: number;
}

/** A contender's median time, and its ratio to the first contender's, the baseline. */
export interface Measurement {
  name: string;
  medianMicroseconds: number;
  ratioToBaseline: number;
  /** 10^9 multiply-accumulates a second. */
  gigaMultiplyAccumulates?: number;
}

/**
 * Measures contenders in turn, round by round, so that what else the machine does hits all of them alike.
 * Only the ratios mean something on a shared machine.
 */
export async function compare(
  contenders: readonly Contender[],
  options: { rounds: number; callsPerRound: number },
): Promise<Measurement[]> {
  const samples = contenders.map((): number[] => []);
  for (let round = -1; round < options.rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      const startedMs = performance.now();
      for (let call = 0; call < options.callsPerRound; call += 1) await contender.run();
      const microseconds = ((performance.now() - startedMs) * 1000) / options.callsPerRound;
      // The first round warms up.
      if (round >= 0) samples[index]?.push(microseconds);
    }
  }
  const medians = samples.map(median);
  return contenders.map(({ name, multiplyAccumulates }, index) => {
    const medianMicroseconds = medians[index] ?? Number.NaN;
    const ratioToBaseline = medianMicroseconds / (medians[0] ?? Number.NaN);
    const measurement = { name, medianMicroseconds, ratioToBaseline };
    if (multiplyAccumulates === undefined) return measurement;
    return {
      ...measurement,
      gigaMultiplyAccumulates: multiplyAccumulates / medianMicroseconds / 1000,
    };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
