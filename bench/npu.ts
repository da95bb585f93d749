import { canonicalModelOf } from '../compiler/network/canonical-model.ts';
import { compileNetwork } from '../compiler/network/compile-network.ts';
import type { ConvolutionLayer, FeatureMap, Network } from '../compiler/network/network.ts';
import { hardwareConfigurations } from '../contract/npu/hardware.generated.ts';
import { NpuDevice } from '../native/npu.ts';
import { RuntimeModel } from '../ort/runtime-model.ts';
import { type Contender, compare, type Measurement } from './measure.ts';
import { naiveConvolution } from './naive-convolution.ts';
import { packInputs } from './networks/item-bytes.ts';
import { mobileNetV2 } from './networks/mobile-net-v2.ts';
import { NetworkBuilder } from './networks/network-builder.ts';
import { seededRandom } from './networks/seeded-random.ts';
import { uint8ModelOf } from './uint8-model.ts';

const configuration = 'kv260-l';
/** Rows and columns, channels in and out, and the kernel of each measured convolution. */
const shapes = [
  { size: 56, channels: 64, kernel: 3 },
  { size: 28, channels: 128, kernel: 3 },
  { size: 56, channels: 128, kernel: 1 },
  { size: 28, channels: 256, kernel: 1 },
] as const;

const runtimeKinds = {
  INT8: 'canonical model (the same bits)',
  UINT8: 'uint8 activations (its fastest; other bits on some CPUs)',
};

/**
 * The functional simulator on one thread against ONNX Runtime on one thread and naive loops. A statement about
 * this computer's processor, none about hardware.
 */
export async function benchNpu(): Promise<Record<string, Measurement[]>> {
  const tables: Record<string, Measurement[]> = {};
  for (const { size, channels, kernel } of shapes) {
    const builder = new NetworkBuilder('convolution', 7);
    const input = builder.input({ channels, rows: size, columns: size });
    const network = builder.network([builder.convolution(input, { channels, kernel: [kernel, kernel] })]);
    const title = `convolution ${kernel} x ${kernel}, ${channels} to ${channels} channels of ${size} x ${size}`;
    tables[title] = await measure(network, { rounds: 7, callsPerRound: 3, withNaive: true });
  }
  const network = mobileNetV2({ resolution: 224, width: 1 });
  tables['MobileNetV2 of 224 x 224, one item'] = await measure(network, {
    rounds: 15,
    callsPerRound: 2,
    withNaive: false,
  });
  return tables;
}

async function measure(
  network: Network,
  options: { rounds: number; callsPerRound: number; withNaive: boolean },
): Promise<Measurement[]> {
  const [map] = network.inputs;
  if (map === undefined) throw new Error(`${network.name}: an input expected`);
  const values = randomValues(map);
  const fastest = await runtimeContender(network, values, 'UINT8');
  const runtime = await runtimeContender(network, values, 'INT8');
  const simulator = await simulatorContender(network, values);
  const naive = options.withNaive ? naiveContender(network, values) : [];
  try {
    return await compare(
      [fastest, runtime, simulator].map(({ contender }) => contender).concat(naive),
      options,
    );
  } finally {
    for (const opened of [fastest, runtime, simulator]) await opened.close();
  }
}

interface Opened {
  contender: Contender;
  close(): Promise<void>;
}

async function runtimeContender(
  network: Network,
  values: Int8Array,
  datatype: 'INT8' | 'UINT8',
): Promise<Opened> {
  const canonical = canonicalModelOf(network);
  const model = await RuntimeModel.load(datatype === 'INT8' ? canonical : uint8ModelOf(canonical), {
    fusesQuantisation: datatype === 'UINT8',
  });
  const inputs = network.inputs.map(({ name, channels, rows, columns }) => ({
    name,
    datatype,
    shape: [1, channels, rows, columns],
    data: new Uint8Array(values.buffer),
  }));
  const name = `ONNX Runtime, one thread, ${runtimeKinds[datatype]}`;
  const run = async (): Promise<void> => void (await model.run(inputs));
  return {
    contender: { name, run, multiplyAccumulates: multiplyAccumulatesOf(network) },
    close: () => model.release(),
  };
}

async function simulatorContender(network: Network, values: Int8Array): Promise<Opened> {
  const hardware = hardwareConfigurations[configuration];
  if (hardware === undefined) throw new Error(`${configuration}: a configuration expected`);
  const device = NpuDevice.open({ kind: 'simulator', configuration, threads: 1 });
  const compiled = compileNetwork(network, hardware);
  const program = await device.load(compiled.program);
  const maps = new Map(network.inputs.map(({ name }) => [name, values]));
  const { inputParallel } = hardware;
  const inputs = packInputs(compiled, maps, { inputBytes: program.inputBytes, inputParallel });
  const name = `functional simulator of ${configuration}, one thread`;
  const run = async (): Promise<void> => void (await program.run(inputs));
  return {
    contender: { name, run, multiplyAccumulates: multiplyAccumulatesOf(network) },
    close: () => device.close(),
  };
}

function naiveContender(network: Network, values: Int8Array): Contender[] {
  const layers = network.layers.filter((layer) => layer.kind === 'convolution');
  const run = (): void => {
    for (const layer of layers) naiveConvolution(layer, values);
  };
  return [{ name: 'naive loops in TypeScript', run, multiplyAccumulates: multiplyAccumulatesOf(network) }];
}

/** Products that the layers' definitions have, padding included. */
function multiplyAccumulatesOf({ layers }: Network): number {
  return layers
    .filter((layer): layer is ConvolutionLayer => layer.kind === 'convolution')
    .reduce((sum, { weights, output }) => sum + weights.length * output.rows * output.columns, 0);
}

function randomValues({ channels, rows, columns }: FeatureMap): Int8Array {
  const random = seededRandom(1);
  return Int8Array.from({ length: channels * rows * columns }, () => random() >>> 24);
}
