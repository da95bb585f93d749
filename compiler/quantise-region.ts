import { SluiceError } from '../contract/errors.ts';
import type { Tensor } from '../contract/tensors.ts';
import type { NpuRegion, Partition } from './import/partition.ts';
import type { FloatPart } from './import/to-onnx.ts';
import { writeModel } from './onnx/write-model.ts';
import type { ProgressTeller } from './progress.ts';
import { isQuantised, unscaledOperations } from './quantise/given.ts';
import type { QuantiseChoice } from './quantise/method.ts';
import { type QuantisedPart, quantisePart } from './quantise/quantise.ts';
import { type RegionSample, type Repeatable, regionSamples } from './quantise/samples.ts';

/** With what to quantise. */
export interface RegionOptions {
  /** Inputs of the model, checked. */
  samples?: Repeatable<readonly Tensor[]>;
  /** How many there are, where that is known. */
  sampleCount?: number;
  labels?: readonly number[];
  quantise?: QuantiseChoice;
  signal?: AbortSignal;
  progress: ProgressTeller;
}

/** The NPU's part of a model in integers. */
export interface RegionQuantisation extends QuantisedPart {
  partition: Partition;
  region: NpuRegion;
  /** Inputs of the region, when there is calibration data. */
  samples?: Repeatable<RegionSample>;
}

/** Noise that is good enough to leave no layer in float for more. */
const goodDecibels = 25;
/** Passes over the samples that an automatic search takes: before and after equalising. */
const observingPasses = 2;
const triedMethods = 7;

/**
 * Divides a model and quantises its region. What a quantised model gives no scale stays on the host when there
 * are no samples to find one. When the region is noisy and an end of it would gain much in
 * float, that end is left to the host, once. `divide` takes reasons to stay by the names of operations.
 * Throws `model_unsupported` for a float model without calibration data, and what quantising throws.
 */
export async function quantiseRegion(
  divide: (left: ReadonlyMap<string, string>) => Partition,
  options: RegionOptions,
): Promise<RegionQuantisation> {
  const whole = await quantised(dividedByScales(divide, options), options);
  const { report } = whole;
  const isGood = (report.score?.decibels ?? goodDecibels) >= goodDecibels;
  if (isGood || report.betterInFloat.length === 0) return whole;
  const left = new Map(
    report.betterInFloat.flatMap(({ operations, decibels }) =>
      operations.map((name) => [name, `left in float: int8 would cost ${decibels.toFixed(1)} dB`] as const),
    ),
  );
  const rest = await quantised(divide(left), options);
  const { betterInFloat } = report;
  return { ...rest, report: { ...rest.report, betterInFloat } };
}

function dividedByScales(
  divide: (left: ReadonlyMap<string, string>) => Partition,
  { samples }: RegionOptions,
): Partition {
  const left = new Map<string, string>();
  for (;;) {
    const parts = divide(left);
    const part = partOf(regionOf(parts));
    if (samples !== undefined || !isQuantised(part)) return parts;
    const unscaled = unscaledOperations(part);
    if (unscaled.length === 0) return parts;
    const reason = 'the model gives its data no scale; with calibration data one is found';
    for (const name of unscaled) left.set(name, reason);
  }
}

function regionOf({ regions }: Partition): NpuRegion {
  const [region] = regions;
  if (region === undefined) throw new TypeError('a partition has a region');
  return region;
}

function partOf({ operations, inputs, outputs }: NpuRegion): FloatPart {
  return {
    name: 'npu',
    operations,
    inputs: inputs.map(({ map }) => map),
    outputs: outputs.map(({ map }) => map),
  };
}

async function quantised(parts: Partition, options: RegionOptions): Promise<RegionQuantisation> {
  const { samples: given, sampleCount, labels, quantise = 'auto', signal, progress } = options;
  const region = regionOf(parts);
  const part = partOf(region);
  const isGiven = isQuantised(part);
  if (!isGiven && quantise === 'off') {
    throw new SluiceError(
      'model_unsupported',
      'ONNX model: it brings no quantisation and `--quantise off` allows none; nothing of it can run on the NPU',
    );
  }
  if (!isGiven && given === undefined) throw needsCalibration();
  const head = parts.head === undefined ? {} : { head: writeModel(parts.head) };
  const samples = given === undefined ? undefined : regionSamples(given, { ...head, inputs: region.inputs });
  const result = await quantisePart(part, {
    method: quantise === 'off' ? 'auto' : quantise,
    ...(samples === undefined ? {} : { samples }),
    ...(labels === undefined ? {} : { labels }),
    ...(signal === undefined ? {} : { signal }),
    ...followed(progress, sampleCount),
  });
  return { ...result, partition: parts, region, ...(samples === undefined ? {} : { samples }) };
}

function needsCalibration(): SluiceError {
  return new SluiceError(
    'tensor_data',
    'ONNX model: it is float, and int8 needs sample inputs; give some with --calibration, or samples with the image (32 or more)',
  );
}

/** Samples and methods that are done, as parts of the stage. */
function followed(
  progress: ProgressTeller,
  sampleCount: number | undefined,
): { onSample: (done: number) => void; onMethod: (method: string) => void } {
  let passes = 0;
  let tried = 0;
  const tell = (done: number): void => {
    const observed = passes + (sampleCount === undefined ? 0 : done / sampleCount);
    progress.within((0.5 * observed) / observingPasses + (0.5 * tried) / triedMethods);
  };
  return {
    onSample: (done) => {
      tell(done);
      if (done === sampleCount) passes += 1;
    },
    onMethod: () => {
      tried += 1;
      tell(0);
    },
  };
}
