import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import { type ImportedMap, inputsOf } from '../import/graph.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import { Histogram } from './histogram.ts';
import { FloatRegion } from './run-region.ts';
import { checkSample, noSamples, type RegionSample, type Repeatable } from './samples.ts';

/** What calibration keeps of a map's values. */
export interface MapStatistics {
  histogram: Histogram;
  /** Mean of each channel. */
  means: Float64Array;
  /** Largest size, |value|, of each channel. */
  sizes: Float64Array;
}

/** What stops long work, and is told of its progress. */
export interface Progress {
  signal?: AbortSignal;
  /** Samples that the work at hand has done so far. */
  onSample?: (done: number) => void;
}

/**
 * Runs a region in float over samples and gathers statistics of every map of it, its inputs included; the
 * values themselves are gone after each sample. Blocks the thread while ONNX Runtime computes. Throws
 * `tensor_data` when there are no samples, `tensor_shape` for wrong ones, `model_invalid` naming a map that is
 * not finite, `cancelled` when aborted.
 */
export async function observe(
  part: FloatPart,
  samples: Repeatable<RegionSample>,
  progress: Progress = {},
): Promise<ReadonlyMap<string, MapStatistics>> {
  const maps = mapsOf(part);
  const gathered = maps.map((map) => new Gatherer(map));
  const region = await FloatRegion.load(part, maps);
  let count = 0;
  try {
    for await (const sample of samples) {
      checkCancelled(progress.signal);
      checkSample(sample, { inputs: part.inputs, index: count });
      const values = await region.run(sample);
      for (const [index, gatherer] of gathered.entries()) gatherer.add(values[index] ?? new Float32Array(0));
      count += 1;
      progress.onSample?.(count);
    }
  } finally {
    await region.release();
  }
  if (count === 0) throw noSamples();
  return new Map(maps.map((map, index) => [map.name, (gathered[index] as Gatherer).statistics()]));
}

/** Throws `cancelled` when the signal is set. */
export function checkCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SluiceError('cancelled', 'quantisation: cancelled');
}

/** Every map of a region, inputs first. */
function mapsOf({ inputs, operations }: FloatPart): ImportedMap[] {
  return [...new Set([...inputs, ...operations.flatMap((each) => [...inputsOf(each), each.output])])];
}

class Gatherer {
  readonly #map: ImportedMap;
  readonly #histogram = new Histogram();
  readonly #sums: Float64Array;
  readonly #sizes: Float64Array;

  constructor(map: ImportedMap) {
    this.#map = map;
    this.#sums = new Float64Array(map.channels);
    this.#sizes = new Float64Array(map.channels);
  }

  add(values: Float32Array): void {
    const { channels, rows, columns, name } = this.#map;
    const pixels = rows * columns;
    let largest = 0;
    for (let channel = 0; channel < channels; channel += 1) {
      let sum = 0;
      let size = this.#sizes[channel] as number;
      const end = (channel + 1) * pixels;
      for (let index = channel * pixels; index < end; index += 1) {
        const value = values[index] as number;
        sum += value;
        if (value > size) size = value;
        else if (-value > size) size = -value;
      }
      if (!Number.isFinite(sum)) {
        throw new SluiceError(
          'model_invalid',
          `tensor ${quoted(name)}: the model gives NaN or infinite values on calibration data; check the model and the data's range`,
        );
      }
      this.#sums[channel] = (this.#sums[channel] as number) + sum;
      this.#sizes[channel] = size;
      largest = Math.max(largest, size);
    }
    this.#histogram.add(values, largest);
  }

  statistics(): MapStatistics {
    const perChannel = this.#histogram.total / this.#map.channels;
    const means = this.#sums.map((sum) => sum / perChannel);
    return { histogram: this.#histogram, means, sizes: this.#sizes };
  }
}
