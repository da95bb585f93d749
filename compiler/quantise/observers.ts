import type { Histogram } from './histogram.ts';
import type { Range } from './quantisation.ts';

/** Ways to choose the range of a feature map from the values that it takes. */
export const observers = {
  'min-max': ({ minimum, maximum }) => ({ minimum, maximum }),
  'percentile-99.99': (histogram) => percentileRange(histogram, 0.9999),
  'percentile-99.9': (histogram) => percentileRange(histogram, 0.999),
  entropy: entropyRange,
  'mean-square': meanSquareRange,
} as const satisfies Record<string, (histogram: Histogram) => Range>;

/** Name of a way to choose ranges. */
export type ObserverName = keyof typeof observers;

/** Thresholds that the entropy observer tries, and values that a bin of it should see. */
const entropyTrials = 200;
const valuesPerBin = 256;
/** Parts of the full range that the mean-square observer tries. */
const shrinkStep = 0.02;
const shrinkMin = 0.1;
const levels = 256;

/** The middle part of all values. */
function percentileRange(histogram: Histogram, part: number): Range {
  return { minimum: histogram.quantile((1 - part) / 2), maximum: histogram.quantile((1 + part) / 2) };
}

/**
 * The threshold of |value| whose clipped and quantised distribution is nearest to the true one by the
 * divergence of Kullback and Leibler, as S. Migacz's "8-bit inference with TensorRT" (2017) has it. Levels
 * are those on the wider side of 0; the bin at 0, where ReLU puts its zeros, counts as its neighbour does.
 * With too few values to fill twice as many bins as levels, the range of all values.
 */
function entropyRange(histogram: Histogram): Range {
  const { minimum, maximum } = histogram;
  const isOneSided = minimum >= 0 || maximum <= 0;
  const perSide = isOneSided ? levels : levels / 2;
  const { sizes, width } = filledSizes(histogram);
  sizes[0] = sizes[1] ?? 0;
  const used = sizes.findLastIndex((count) => count > 0) + 1;
  let threshold = Number.POSITIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  const stride = Math.max(1, Math.floor(used / entropyTrials));
  for (let edge = used; edge >= 2 * perSide; edge -= stride) {
    const divergence = divergenceOf(sizes, { edge, used, perSide });
    if (divergence < least) [threshold, least] = [edge * width, divergence];
  }
  return { minimum: Math.max(minimum, -threshold), maximum: Math.min(maximum, threshold) };
}

/** Counts of |value| in bins wide enough that chance does not look like information. */
function filledSizes(histogram: Histogram): { sizes: Float64Array; width: number } {
  let sizes = histogram.sizes();
  let width = histogram.width;
  while (sizes.length * valuesPerBin > histogram.total && sizes.length > 2) {
    const fine = sizes;
    sizes = Float64Array.from(
      { length: fine.length / 2 },
      (_, bin) => (fine[2 * bin] as number) + (fine[2 * bin + 1] as number),
    );
    width *= 2;
  }
  return { sizes, width };
}

/** Divergence of the first `edge` bins, the rest added to the last of them, from their quantised form. */
function divergenceOf(
  sizes: Float64Array,
  { edge, used, perSide }: { edge: number; used: number; perSide: number },
): number {
  let clipped = 0;
  for (let bin = edge; bin < used; bin += 1) clipped += sizes[bin] as number;
  let inside = 0;
  for (let bin = 0; bin < edge; bin += 1) inside += sizes[bin] as number;
  if (inside === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let level = 0; level < perSide; level += 1) {
    const first = Math.floor((level * edge) / perSide);
    const end = Math.floor(((level + 1) * edge) / perSide);
    let sum = 0;
    let filled = 0;
    for (let bin = first; bin < end; bin += 1) {
      sum += sizes[bin] as number;
      if ((sizes[bin] as number) > 0) filled += 1;
    }
    if (sum === 0) continue;
    const quantised = sum / filled / inside;
    for (let bin = first; bin < end; bin += 1) {
      const own = sizes[bin] as number;
      const count = bin === edge - 1 ? own + clipped : own;
      if (own > 0)
        divergence += (count / (inside + clipped)) * Math.log(count / (inside + clipped) / quantised);
    }
  }
  return divergence;
}

/** The range with the least mean square of what rounding and clipping change, each end shrunk in turn. */
function meanSquareRange(histogram: Histogram): Range {
  const { minimum, maximum } = histogram;
  const range = { minimum: Math.min(minimum, 0), maximum: Math.max(maximum, 0) };
  for (const end of ['maximum', 'minimum', 'maximum'] as const) {
    const full = end === 'maximum' ? Math.max(maximum, 0) : Math.min(minimum, 0);
    let least = Number.POSITIVE_INFINITY;
    let best = full;
    for (let part = 1; part >= shrinkMin; part -= shrinkStep) {
      const noise = noiseOf(histogram, { ...range, [end]: full * part });
      if (noise < least) [best, least] = [full * part, noise];
    }
    range[end] = best;
  }
  return range;
}

function noiseOf(histogram: Histogram, { minimum, maximum }: Range): number {
  const step = (maximum - minimum) / (levels - 1);
  let noise = 0;
  for (let bin = 0; bin < histogram.counts.length; bin += 1) {
    const count = histogram.counts[bin] as number;
    if (count === 0) continue;
    const value = histogram.centre(bin);
    const outside = value > maximum ? value - maximum : value < minimum ? minimum - value : 0;
    // A uniform distribution over a step has the variance step^2 / 12.
    noise += count * (outside > 0 ? outside * outside : (step * step) / 12);
  }
  return noise;
}
