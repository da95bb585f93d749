/** Scale, zero point and spread of int8 values, as NetworkBuilder expects them. */
interface Quantisation {
  scale: number;
  zeroPoint: number;
  spread: number;
}

type TableKind = 'hard-swish' | 'hard-sigmoid' | 'sigmoid';

const functions: Record<TableKind, (value: number) => number> = {
  'hard-swish': (value) => (value * Math.min(Math.max(value + 3, 0), 6)) / 6,
  'hard-sigmoid': (value) => Math.min(Math.max(value / 6 + 0.5, 0), 1),
  sigmoid: (value) => 1 / (1 + Math.exp(-value)),
};

/** A function over every int8, and its result's quantisation for normally distributed arguments. */
export function tableOf(kind: TableKind, input: Quantisation): { table: Int8Array; values: Quantisation } {
  const isGate = kind !== 'hard-swish';
  const reals = Array.from({ length: 256 }, (_, index) =>
    functions[kind]((index - 128 - input.zeroPoint) * input.scale),
  );
  const scale = isGate ? 1 / 255 : Math.max(...reals) / 220;
  const zeroPoint = isGate ? -128 : -93;
  const table = Int8Array.from(reals, (real) =>
    Math.min(Math.max(Math.round(real / scale) + zeroPoint, -128), 127),
  );
  return { table, values: { scale, zeroPoint, spread: spreadOf(table, zeroPoint, input) } };
}

function spreadOf(table: Int8Array, zeroPoint: number, input: Quantisation): number {
  let sum = 0;
  let weights = 0;
  for (const [index, value] of table.entries()) {
    const deviation = (index - 128 - input.zeroPoint) / input.spread;
    const weight = Math.exp(-(deviation ** 2) / 2);
    sum += weight * (value - zeroPoint) ** 2;
    weights += weight;
  }
  return Math.sqrt(sum / weights);
}
