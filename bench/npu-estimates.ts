import { createWriteStream, mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { estimateResources } from '../compiler/estimate/resources.ts';
import { layerBound, networkBound } from '../compiler/estimate/roofline.ts';
import { compileNetwork } from '../compiler/network/compile-network.ts';
import type { Layer, Network, Window } from '../compiler/network/network.ts';
import { SluiceError } from '../contract/errors.ts';
import { type HardwareConfiguration, hardwareConfigurations } from '../contract/npu/hardware.generated.ts';
import { chromeTrace } from '../native/chrome-trace.ts';
import { estimateProgram, type ProgramEstimate } from '../native/npu-timing.ts';
import type { Measurement } from './measure.ts';
import { mobileNetV2 } from './networks/mobile-net-v2.ts';
import { resNet50 } from './networks/res-net-50.ts';

/** The configuration whose layers are timed and whose assumed parameters are varied. */
const closest = 'kv260-l';
/** Where the timelines go, one file a network and configuration. */
const traceFolder = new URL('../../build/traces/', import.meta.url);

/**
 * Prints the tables of docs/reference/npu-performance.md: bounds and timed simulations of two networks on
 * every configuration, and the resources. Nothing is measured: it returns no measurements.
 */
export async function benchNpuEstimates(): Promise<Record<string, Measurement[]>> {
  const configurations = Object.values(hardwareConfigurations);
  printResources(configurations);
  for (const network of [resNet50({ resolution: 224 }), mobileNetV2({ resolution: 224, width: 1 })]) {
    printBounds(network, configurations);
    await printEstimates(network, configurations);
    await printLayers(network, configurations);
    await printSensitivity(network, configurationOf(closest));
  }
  return {};
}

function printBounds(network: Network, configurations: readonly HardwareConfiguration[]): void {
  printTable(`${network.name}: bounds (estimated, uncalibrated)`, [
    ['configuration', 'EXECUTE cycles', 'LOAD cycles', 'frames/s at most', 'utilisation at most'],
    ...configurations.map((configuration) => {
      const { executeCycles, loadCycles, cycles, multiplyAccumulates } = networkBound(network, configuration);
      const utilisation = multiplyAccumulates / (cycles * productsPerClock(configuration));
      return [
        configuration.name,
        count(executeCycles),
        count(loadCycles),
        framesPerSecond(cycles, configuration),
        percent(utilisation),
      ];
    }),
  ]);
}

async function printEstimates(
  network: Network,
  configurations: readonly HardwareConfiguration[],
): Promise<void> {
  const rows: string[][] = [];
  for (const configuration of configurations) {
    const program = programOf(network, configuration);
    if (typeof program === 'string') {
      rows.push([configuration.name, program]);
      continue;
    }
    const estimate = await estimateProgram(program, { configuration });
    await writeTrace(network, estimate, configuration);
    rows.push(estimateRow(network, estimate, configuration));
  }
  printTable(`${network.name}: timed simulation (estimated, uncalibrated)`, [
    [
      ...['configuration', 'cycles', 'frames/s', 'utilisation', 'issued'],
      ...['EXECUTE busy', 'fill', 'waits for LOAD', 'for STORE', 'other', 'MB loaded', 'MB stored'],
    ],
    ...rows,
  ]);
}

/** The program, or why the configuration is too small for the network. */
function programOf(network: Network, configuration: HardwareConfiguration): Uint8Array | string {
  try {
    return compileNetwork(network, configuration).program;
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'model_unsupported') return error.message;
    throw error;
  }
}

function estimateRow(
  network: Network,
  estimate: ProgramEstimate,
  configuration: HardwareConfiguration,
): string[] {
  const { cycles, units, utilisation, bytesLoaded, bytesStored } = estimate;
  const { busy, fill, tokenPrevious, tokenNext } = units.EXECUTE;
  const { multiplyAccumulates } = networkBound(network, configuration);
  return [
    configuration.name,
    count(cycles),
    framesPerSecond(cycles, configuration),
    percent(multiplyAccumulates / (cycles * productsPerClock(configuration))),
    percent(utilisation),
    ...[busy, fill, tokenPrevious, tokenNext].map((part) => percent(part / cycles)),
    percent((cycles - busy - fill - tokenPrevious - tokenNext) / cycles),
    (bytesLoaded / 1e6).toFixed(1),
    (bytesStored / 1e6).toFixed(1),
  ];
}

/** Each shape of layer once: EXECUTE's clocks on every configuration, and what the simulation makes of it on one. */
async function printLayers(
  network: Network,
  configurations: readonly HardwareConfiguration[],
): Promise<void> {
  const configuration = configurationOf(closest);
  const { program } = compileNetwork(network, configuration);
  const { layers: timed } = await estimateProgram(program, { configuration });
  const cyclesOf = new Map(timed.map(({ layer, cycles }) => [layer, cycles]));
  const shapes = new Map<string, { layer: Layer; indices: number[] }>();
  for (const [index, layer] of network.layers.entries()) {
    const shape = shapeOf(layer);
    const known = shapes.get(shape) ?? { layer, indices: [] };
    known.indices.push(index);
    shapes.set(shape, known);
  }
  const rows = [...shapes].map(([shape, { layer, indices }]) => {
    const { multiplyAccumulates, loadCycles } = layerBound(layer, configuration);
    const cycles = indices.reduce((sum, index) => sum + (cyclesOf.get(index) ?? 0), 0) / indices.length;
    const utilisation = multiplyAccumulates / (cycles * productsPerClock(configuration));
    return [
      shape,
      count(indices.length),
      (multiplyAccumulates / 1e6).toFixed(1),
      ...configurations.map((one) => count(layerBound(layer, one).executeCycles)),
      count(loadCycles),
      count(Math.round(cycles)),
      percent(utilisation),
      framesPerSecond(cycles, configuration),
    ];
  });
  printTable(`${network.name}: shapes of layers (estimated, uncalibrated)`, [
    [
      ...['layer', 'times', 'MMAC', ...configurations.map(({ name }) => `\`${name}\``)],
      ...['LOAD', 'timed', 'utilisation', 'a second'],
    ],
    ...rows,
  ]);
}

/** Kind, window and sizes, output last. */
function shapeOf(layer: Layer): string {
  const { channels, rows, columns } = layer.output;
  const output = `${channels} x ${rows} x ${columns}`;
  if (layer.kind === 'maximum-pool') return `${layer.kind}${windowOf(layer.window)}: ${output}`;
  if (layer.kind !== 'convolution') return `${layer.kind}: ${output}`;
  const { groups, input } = layer;
  const kind = groups === 1 ? 'dense' : groups === input.channels ? 'depthwise' : `${groups} groups`;
  return `${kind}${windowOf(layer.window)}: ${input.channels} to ${output}`;
}

function windowOf({ kernelRows, kernelColumns, strideRows }: Window): string {
  return ` ${kernelRows} x ${kernelColumns}${strideRows > 1 ? ` / ${strideRows}` : ''}`;
}

function configurationOf(name: string): HardwareConfiguration {
  const configuration = hardwareConfigurations[name];
  if (configuration === undefined) throw new Error(`no configuration ${name}`);
  return configuration;
}

/** How much the cycles depend on each parameter that nobody has measured. */
async function printSensitivity(network: Network, configuration: HardwareConfiguration): Promise<void> {
  const { timing } = configuration;
  const variants = {
    'as configured': timing,
    'latency doubled': { ...timing, memoryLatencyCycles: timing.memoryLatencyCycles * 2 },
    'bandwidth halved': { ...timing, memoryMegabytesPerSecond: timing.memoryMegabytesPerSecond / 2 },
    'bandwidth quartered': { ...timing, memoryMegabytesPerSecond: timing.memoryMegabytesPerSecond / 4 },
    'fill doubled': { ...timing, executeFillCycles: timing.executeFillCycles * 2 },
    'dispatch times eight': { ...timing, dispatchCycles: timing.dispatchCycles * 8 },
  };
  const { program } = compileNetwork(network, configuration);
  const rows: string[][] = [];
  let configured = Number.NaN;
  for (const [name, changed] of Object.entries(variants)) {
    const { cycles } = await estimateProgram(program, {
      configuration: { ...configuration, timing: changed },
    });
    if (changed === timing) configured = cycles;
    rows.push([name, count(cycles), `${((cycles / configured - 1) * 100).toFixed(1)} %`]);
  }
  printTable(`${network.name} on ${closest}: sensitivity`, [['parameter', 'cycles', 'change'], ...rows]);
}

async function writeTrace(
  network: Network,
  estimate: ProgramEstimate,
  { name, clockMhz }: HardwareConfiguration,
): Promise<void> {
  mkdirSync(traceFolder, { recursive: true });
  const path = fileURLToPath(new URL(`${network.name}-${name}.json`, traceFolder));
  const layerNames = network.layers.map((layer) => layer.name);
  await pipeline(
    Readable.from(lines(chromeTrace(estimate, { clockMhz, layerNames }))),
    createWriteStream(path),
  );
}

function* lines(parts: Iterable<string>): Generator<string> {
  for (const part of parts) yield `${part}\n`;
}

function printResources(configurations: readonly HardwareConfiguration[]): void {
  printTable('resources (estimated)', [
    ['configuration', 'part', 'DSP', 'BRAM36', 'URAM'],
    ...configurations.map((configuration) => {
      const { total, fraction } = estimateResources(configuration);
      const shown = (name: 'dsp' | 'bram36' | 'uram'): string =>
        fraction === undefined || total[name] === 0
          ? count(total[name])
          : `${count(total[name])} (${percent(fraction[name])})`;
      const { part, computeUnits } = configuration.board;
      const parts = computeUnits === 1 ? part : `${part}, ${computeUnits} NPUs`;
      return [configuration.name, parts, shown('dsp'), shown('bram36'), shown('uram')];
    }),
  ]);
}

function productsPerClock({ inputParallel, outputParallel, pixelParallel }: HardwareConfiguration): number {
  return inputParallel * outputParallel * pixelParallel;
}

function framesPerSecond(cycles: number, { clockMhz }: HardwareConfiguration): string {
  return ((clockMhz * 1e6) / cycles).toFixed(1);
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function percent(value: number): string {
  return `${(value * 100).toFixed(0)} %`;
}

/** As Markdown, so that the page takes it as it is. */
function printTable(title: string, [head = [], ...rows]: readonly (readonly string[])[]): void {
  console.log(`\n${title}\n`);
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
}
