import { SluiceError } from '../contract/errors.ts';
import type { HardwareConfiguration } from '../contract/npu/hardware.generated.ts';
import { operations, unitCodes } from '../contract/npu/instructions.generated.ts';
import { decodeProgramHeader, programLayout } from '../contract/npu/program.ts';
import { loadAddon } from './load-addon.ts';

/** What a unit does in a clock, in the order of `Activity` in native/core/timing/timeline.hpp. */
const activities = [
  'busy',
  'fill',
  'latency',
  'bandwidth',
  'dispatch',
  'tokenPrevious',
  'tokenNext',
  'tokenRoom',
  'finish',
  'ended',
] as const;

/** Name of a unit. */
export type UnitName = keyof typeof unitCodes;

/**
 * A unit's instructions, and its clocks by what it did; the latter sum up to the program's cycles.
 * `busy`: its loop runs or a beat passes; `fill`: EXECUTE's pipeline fills; `latency`, `bandwidth`: waits
 * for off-chip memory; `dispatch`: for the next instruction; `tokenPrevious`, `tokenNext`: for a token of
 * that neighbour; `tokenRoom`: for room for its own; `finish`: FINISH waits for the others; `ended`: no
 * instruction is left.
 */
export type UnitEstimate = Record<'instructions' | (typeof activities)[number], number>;

/** What a layer's instructions take; the `cycles` of all layers sum up to the program's. */
export interface LayerEstimate {
  /** As the instructions number it. */
  layer: number;
  instructions: number;
  /** Clocks up to the ends of its EXECUTE instructions, each from the end of the one before. */
  cycles: number;
  /** Its first instruction's start and its last one's end; layers overlap. */
  firstCycle: number;
  endCycle: number;
  loadBusyCycles: number;
  executeBusyCycles: number;
  storeBusyCycles: number;
  /** Products that the array issues, idle lanes included. */
  multiplyAccumulates: number;
  bytesLoaded: number;
  bytesStored: number;
}

/** One instruction's time on its unit. */
export interface TimelineEvent {
  /** Index in the program. */
  instruction: number;
  operation: string;
  layer: number;
  unit: UnitName;
  firstCycle: number;
  endCycle: number;
}

/** What the timed simulation says of one run of a program. Never the latency of a request. */
export interface ProgramEstimate {
  label: 'estimated';
  /** What the model's parameters were fitted to; 'none' until RTL or a board has been measured. */
  calibrated: string;
  configuration: string;
  cycles: number;
  milliseconds: number;
  /** Clocks of EXECUTE's loops: what the hardware's counter of that name says. */
  executeCycles: number;
  /** Products that the array issues, idle lanes included, of all that it could in `cycles`. */
  utilisation: number;
  multiplyAccumulates: number;
  bytesLoaded: number;
  bytesStored: number;
  units: Record<UnitName, UnitEstimate>;
  layers: LayerEstimate[];
  /** In the order in which the instructions end. */
  events: Iterable<TimelineEvent>;
}

const layerColumns = [
  'layer',
  'instructions',
  'cycles',
  'firstCycle',
  'endCycle',
  'loadBusyCycles',
  'executeBusyCycles',
  'storeBusyCycles',
  'multiplyAccumulates',
  'bytesLoaded',
  'bytesStored',
] as const satisfies readonly (keyof LayerEstimate)[];

const unitColumns = ['instructions', ...activities] as const;
const eventColumns = 6;
const unitNames = Object.keys(unitCodes) as UnitName[];
const operationNames = new Map<number, string>(
  Object.entries(operations).map(([name, { code }]) => [code, name]),
);

/** Totals, and tables of numbers row after row (native/addon/timing.cpp). */
interface NativeTimeline {
  cycles: number;
  executeCycles: number;
  multiplyAccumulates: number;
  bytesLoaded: number;
  bytesStored: number;
  units: Float64Array;
  layers: Float64Array;
  events: Float64Array;
}

interface TimingAddon {
  estimate(
    instructions: Uint8Array,
    configuration: HardwareConfiguration,
    callback: (error: SluiceError | null, timeline: NativeTimeline) => void,
  ): void;
}

/**
 * How long one run of a program takes on a configuration, by the timed simulation
 * (docs/reference/npu-performance.md), on a thread of its own. The program's header and instructions are
 * read; whether its sections are undamaged and a device would accept it is not checked. Rejects with
 * `program_invalid`, `program_hardware_mismatch`, `queue_full` (8 run already) or `device_unavailable` (no
 * addon).
 */
export async function estimateProgram(
  program: Uint8Array,
  options: { configuration: HardwareConfiguration },
): Promise<ProgramEstimate> {
  const { configuration } = options;
  const header = decodeProgramHeader(program);
  if (header.hardwareHash !== configuration.hash) {
    throw new SluiceError(
      'program_hardware_mismatch',
      `NPU program: compiled for hardware ${header.hardwareHash}, ${configuration.name} has ${configuration.hash}`,
    );
  }
  const { headerBytes, instructionBytes } = programLayout;
  const end = headerBytes + header.instructionCount * instructionBytes;
  const timeline = await new Promise<NativeTimeline>((resolve, reject) => {
    loadAddon<TimingAddon>().estimate(program.subarray(headerBytes, end), configuration, (error, done) => {
      if (error === null) resolve(done);
      else reject(error);
    });
  });
  return estimateOf(timeline, configuration);
}

function estimateOf(timeline: NativeTimeline, configuration: HardwareConfiguration): ProgramEstimate {
  const { units, layers, events, ...totals } = timeline;
  const { inputParallel, outputParallel, pixelParallel } = configuration;
  const productsMax = timeline.cycles * inputParallel * outputParallel * pixelParallel;
  const [load, execute, store] = rowsOf<UnitEstimate>(units, unitColumns) as [
    UnitEstimate,
    UnitEstimate,
    UnitEstimate,
  ];
  return {
    label: 'estimated',
    calibrated: configuration.timing.calibrated,
    configuration: configuration.name,
    ...totals,
    milliseconds: timeline.cycles / (configuration.clockMhz * 1000),
    utilisation: timeline.multiplyAccumulates / productsMax,
    units: { LOAD: load, EXECUTE: execute, STORE: store },
    layers: rowsOf<LayerEstimate>(layers, layerColumns),
    events: { [Symbol.iterator]: () => eventsOf(events) },
  };
}

function rowsOf<Row>(table: Float64Array, columns: readonly string[]): Row[] {
  return Array.from({ length: table.length / columns.length }, (_, row) => {
    const entries = columns.map((name, column) => [name, table[row * columns.length + column]]);
    return Object.fromEntries(entries) as Row;
  });
}

function* eventsOf(table: Float64Array): Generator<TimelineEvent> {
  for (let start = 0; start < table.length; start += eventColumns) {
    const [instruction, operation, layer, unit, firstCycle, endCycle] = table.subarray(
      start,
      start + eventColumns,
    ) as unknown as [number, number, number, number, number, number];
    yield {
      instruction,
      operation: operationNames.get(operation) ?? String(operation),
      layer,
      unit: unitNames[unit] as UnitName,
      firstCycle,
      endCycle,
    };
  }
}
