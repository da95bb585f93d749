import type { RegionName } from '../../contract/npu/instructions.generated.ts';
import { programLayout } from '../../contract/npu/program.ts';
import { type BlockedMap, type LoweredNetwork, type Operation, wordsOf } from './operations.ts';
import { type Schedule, storeCountOf } from './schedule.ts';

/** Where an operation's constants stand in the weight section, in beats. */
export interface ConstantOffsets {
  tiles: number;
  parameters: number;
  tables: readonly number[];
}

/** Where everything stands off chip. Offsets are in beats, sizes in bytes. */
export interface MemoryMap {
  inputs: ReadonlyMap<BlockedMap, number>;
  outputs: ReadonlyMap<BlockedMap, number>;
  arena: ReadonlyMap<BlockedMap, number>;
  inputBytes: number;
  outputBytes: number;
  arenaBytes: number;
  weights: Uint8Array;
  constants: ReadonlyMap<Operation, ConstantOffsets>;
}

/** Lays out the regions: maps one after the other, and the constants in the order of the operations. */
export function mapMemory(network: LoweredNetwork, schedule: Schedule): MemoryMap {
  const width = network.configuration.inputParallel;
  const place = (maps: readonly BlockedMap[]): { offsets: Map<BlockedMap, number>; bytes: number } => {
    const offsets = new Map<BlockedMap, number>();
    let bytes = 0;
    for (const map of maps) {
      offsets.set(map, bytes / width);
      bytes += alignedBytes(wordsOf(map) * width);
    }
    return { offsets, bytes };
  };
  const spilled = [...schedule.lifetimes.keys()].filter(
    (map) => storeCountOf(map, schedule) > (map.boundary === 'OUTPUT' ? 1 : 0),
  );
  const [inputs, outputs, arena] = [place(network.inputs), place(network.outputs), place(spilled)];
  return {
    inputs: inputs.offsets,
    outputs: outputs.offsets,
    arena: arena.offsets,
    inputBytes: inputs.bytes,
    outputBytes: outputs.bytes,
    arenaBytes: arena.bytes,
    ...placeConstants(network.operations, width),
  };
}

/** Region and first beat that a map is loaded from. */
export function sourceOf(map: BlockedMap, memory: MemoryMap): { region: RegionName; offset: number } {
  const input = memory.inputs.get(map);
  if (input !== undefined) return { region: 'INPUT', offset: input };
  const offset = memory.arena.get(map);
  if (offset === undefined) throw new Error(`${map.name} is read but neither on chip nor in the arena`);
  return { region: 'ARENA', offset };
}

/** Regions and first beats that a map is stored to. */
export function targetsOf(map: BlockedMap, memory: MemoryMap): { region: RegionName; offset: number }[] {
  const output = memory.outputs.get(map);
  const arena = memory.arena.get(map);
  return [
    ...(output === undefined ? [] : [{ region: 'OUTPUT' as const, offset: output }]),
    ...(arena === undefined ? [] : [{ region: 'ARENA' as const, offset: arena }]),
  ];
}

/** Sizes of regions are multiples of 16 bytes whatever the width of a beat. */
function alignedBytes(bytes: number): number {
  const { regionAlignmentBytes } = programLayout;
  return Math.ceil(bytes / regionAlignmentBytes) * regionAlignmentBytes;
}

function placeConstants(
  operations: readonly Operation[],
  width: number,
): Pick<MemoryMap, 'weights' | 'constants'> {
  const sections: { offset: number; bytes: Uint8Array }[] = [];
  let end = 0;
  const append = (bytes: Uint8Array): number => {
    const offset = end;
    sections.push({ offset, bytes });
    end += alignedBytes(bytes.length);
    return offset / width;
  };
  const constants = new Map<Operation, ConstantOffsets>();
  for (const operation of operations) {
    const convolution = operation.kind === 'convolve' ? operation.constants : undefined;
    constants.set(operation, {
      tiles: convolution === undefined ? 0 : append(bytesOf(convolution.tiles)),
      parameters: convolution === undefined ? 0 : append(convolution.parameters),
      tables: operation.tables.map((table) => append(littleEndianOf(table))),
    });
  }
  const weights = new Uint8Array(end);
  for (const { offset, bytes } of sections) weights.set(bytes, offset);
  return { weights, constants };
}

function bytesOf(values: Int8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.length);
}

function littleEndianOf(table: Int32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(table.length * 4));
  for (const [index, value] of table.entries()) view.setInt32(index * 4, value, true);
  return new Uint8Array(view.buffer);
}
