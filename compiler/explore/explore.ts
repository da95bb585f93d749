import { SluiceError } from '../../contract/errors.ts';
import { type HardwareConfiguration, hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { estimateProgram } from '../../native/npu-timing.ts';
import { refusalOf } from '../configuration-refusal.ts';
import { estimateResources, type ResourceUse } from '../estimate/resources.ts';
import type { InputShapes } from '../import/bind-shapes.ts';
import { type ImportedModel, importModel } from '../import/import-model.ts';
import { type Partition, partition } from '../import/partition.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import { compileNetwork } from '../network/compile-network.ts';
import type { Network } from '../network/network.ts';
import { givenRefusal } from '../quantise/given.ts';
import { quantisePart } from '../quantise/quantise.ts';
import type { RegionSample } from '../quantise/samples.ts';
import { paretoFront } from './pareto.ts';

/** How to explore. */
export interface ExploreOptions {
  shapes?: InputShapes;
  signal?: AbortSignal;
  /** Told what begins: `import`, `quantise`, or the name of a configuration; and how many are done of all. */
  onProgress?: (stage: string, done: number, total: number) => void;
}

/** What a model would take on every configuration. */
export interface Exploration {
  label: 'estimated';
  /** Of one item, as far as shapes are known. */
  multiplyAccumulates: number;
  rows: ExploredConfiguration[];
}

/** One configuration: what its board's NPUs take, and what the model gets from them. */
export interface ExploredConfiguration {
  configuration: string;
  /** The board's part; `none` for a configuration that is only simulated. */
  part: string;
  clockMhz: number;
  /** NPUs of the board. */
  computeUnits: number;
  /** Why the model cannot run there; absent when it can. */
  refusal?: string;
  performance?: Performance;
  /** Of all NPUs of the board. */
  resources: ResourceUse;
  /** Whether the NPUs fit the part; false where there is no part. */
  fitsPart: boolean;
  /** Whether no other configuration that fits is better in one figure and as good in the others. */
  isOnFront: boolean;
}

/** Estimates for one item on one NPU; `itemsPerSecond` is of all NPUs of the board. */
export interface Performance {
  cycles: number;
  milliseconds: number;
  itemsPerSecond: number;
  /** Products needed, of all that the array could do. */
  utilisation: number;
  /** 10^6 bytes a second of off-chip traffic of one NPU. */
  megabytesPerSecond: number;
  /** Those of the item that this configuration computes; the others stay on the CPU. */
  multiplyAccumulates: number;
}

/**
 * Compiles a model for every configuration and estimates what it would take: no program is run. Clocks do
 * not depend on values, so a float model is quantised with seeded random inputs. Blocks the calling thread:
 * use it in a worker. Throws `model_invalid` and `model_unsupported` as importing and partitioning do, and
 * `cancelled`.
 */
export async function exploreModel(model: Uint8Array, options: ExploreOptions = {}): Promise<Exploration> {
  const { shapes, signal, onProgress } = options;
  const configurations = Object.values(hardwareConfigurations);
  const total = configurations.length + 2;
  onProgress?.('import', 0, total);
  const imported = await importModel(model, shapes === undefined ? {} : { shapes });
  const whole = partition(imported, { refuses: givenRefusal });
  onProgress?.('quantise', 1, total);
  const networks = await networksOf(whole, signal);
  const rows: ExploredConfiguration[] = [];
  for (const [index, configuration] of configurations.entries()) {
    onProgress?.(configuration.name, index + 2, total);
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted)
      throw new SluiceError('cancelled', `explore: cancelled before ${configuration.name}`);
    const attempt = (): Promise<Performance> =>
      wholeOrPart(configuration, { imported, whole, networks, signal });
    rows.push(await explored(configuration, attempt));
  }
  return {
    label: 'estimated',
    multiplyAccumulates: whole.multiplyAccumulates.total,
    rows: paretoFront(rows),
  };
}

/** The whole, or what is left for a configuration that cannot run all that the NPU's kind could. */
async function wholeOrPart(
  configuration: HardwareConfiguration,
  model: {
    imported: ImportedModel;
    whole: Partition;
    networks: readonly Network[];
    signal: AbortSignal | undefined;
  },
): Promise<Performance> {
  const { imported, whole, networks, signal } = model;
  try {
    return await performanceOf(networks, { configuration, work: whole.multiplyAccumulates.npu });
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    const part = partition(imported, { refuses: refusalOf(configuration) });
    const left = await networksOf(part, signal);
    return performanceOf(left, { configuration, work: part.multiplyAccumulates.npu });
  }
}

function isRefusal(thrown: unknown): thrown is SluiceError {
  return thrown instanceof SluiceError && thrown.code === 'model_unsupported';
}

/** The integer layers of each region. */
async function networksOf({ regions }: Partition, signal: AbortSignal | undefined): Promise<Network[]> {
  const networks: Network[] = [];
  for (const { operations, inputs, outputs } of regions) {
    const part: FloatPart = {
      name: 'region',
      operations,
      inputs: inputs.map(({ map }) => map),
      outputs: outputs.map(({ map }) => map),
    };
    const { network } = await quantisePart(part, {
      method: { observer: 'min-max', equalises: false, correctsBias: false },
      samples: [randomSample(part)],
      ...(signal === undefined ? {} : { signal }),
    });
    networks.push(network);
  }
  return networks;
}

/** Values from -1 to 1, the same for the same sizes (Numerical Recipes' 32-bit generator). */
function randomSample({ inputs }: FloatPart): RegionSample {
  let state = 1;
  return inputs.map(({ channels, rows, columns }) =>
    Float32Array.from({ length: channels * rows * columns }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 31 - 1;
    }),
  );
}

async function explored(
  configuration: HardwareConfiguration,
  attempt: () => Promise<Performance>,
): Promise<ExploredConfiguration> {
  const { name, board, clockMhz } = configuration;
  const { total, fraction } = estimateResources(configuration);
  const row = {
    configuration: name,
    part: board.part,
    clockMhz,
    computeUnits: board.computeUnits,
    resources: total,
    fitsPart: fraction !== undefined && Object.values(fraction).every((share) => share <= 1),
    isOnFront: false,
  };
  try {
    return { ...row, performance: await attempt() };
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    return { ...row, refusal: thrown.message };
  }
}

async function performanceOf(
  networks: readonly Network[],
  { configuration, work }: { configuration: HardwareConfiguration; work: number },
): Promise<Performance> {
  const { inputParallel, outputParallel, pixelParallel, clockMhz, board } = configuration;
  let [cycles, bytes] = [0, 0];
  for (const network of networks) {
    const { program } = compileNetwork(network, configuration);
    const estimate = await estimateProgram(program, { configuration });
    cycles += estimate.cycles;
    bytes += estimate.bytesLoaded + estimate.bytesStored;
  }
  const milliseconds = cycles / (clockMhz * 1000);
  return {
    cycles,
    milliseconds,
    itemsPerSecond: (1000 / milliseconds) * board.computeUnits,
    utilisation: work / (cycles * inputParallel * outputParallel * pixelParallel),
    megabytesPerSecond: bytes / (milliseconds * 1000),
    multiplyAccumulates: work,
  };
}
