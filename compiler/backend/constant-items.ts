import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { parameterRecordLayout } from '../../contract/npu/instructions.generated.ts';
import type { MemoryMap } from './memory-map.ts';
import type { Operation } from './operations.ts';
import { lengthOf, type Range } from './ranges.ts';
import type { ConstantItem } from './work.ts';

/** Part of parameter memory up to which the channel records of a layer are loaded at once. */
const parameterShare = 4;

/** What the instruction for a range of output blocks reads besides activations, tables in their order. */
export function constantsOf(
  operation: Operation,
  options: { blocks: Range; memory: MemoryMap; configuration: HardwareConfiguration },
): ConstantItem[] {
  const { blocks, memory, configuration } = options;
  const offsets = memory.constants.get(operation);
  if (offsets === undefined) throw new Error(`${operation.name} has no constants`);
  const tables = offsets.tables.map(
    (dramOffset): ConstantItem => ({ memory: 'TABLE', dramOffset, count: 1, offset: 0 }),
  );
  if (operation.kind !== 'convolve') return tables;
  const { inputParallel, parameterBlocks } = configuration;
  const { tilesPerBlock } = operation.constants;
  const all = operation.output.blocks;
  const loaded = all <= parameterBlocks / parameterShare ? { start: 0, end: all } : blocks;
  return [
    {
      memory: 'WEIGHT',
      dramOffset: offsets.tiles + blocks.start * tilesPerBlock * inputParallel,
      count: lengthOf(blocks) * tilesPerBlock,
      offset: 0,
    },
    {
      memory: 'PARAMETER',
      dramOffset: offsets.parameters + loaded.start * parameterRecordLayout.bytes,
      count: lengthOf(loaded),
      offset: blocks.start - loaded.start,
    },
    ...tables,
  ];
}
