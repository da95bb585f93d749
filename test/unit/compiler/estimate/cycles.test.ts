import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  convolveCycles,
  elementwiseCycles,
  poolCycles,
  type TransferShape,
  transferCycles,
} from '../../../../compiler/estimate/cycles.ts';
import {
  type HardwareConfiguration,
  hardwareConfigurations,
} from '../../../../contract/npu/hardware.generated.ts';
import { repositoryPath } from '../../../support/paths.ts';

type Row = Record<string, string>;

function readTable(name: string): Row[] {
  const path = repositoryPath(`test/golden/npu-cycles/${name}`);
  const [head = '', ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const names = head.split(',');
  return lines.map((line) => {
    const values = line.split(',');
    return Object.fromEntries(names.map((column, index) => [column, values[index] ?? '']));
  });
}

function configurationOf(row: Row): HardwareConfiguration {
  const configuration = hardwareConfigurations[row.configuration ?? ''];
  if (configuration === undefined) throw new Error(`no configuration ${row.configuration}`);
  return configuration;
}

function executeCyclesOf(row: Row) {
  const sizes = configurationOf(row);
  const shape = {
    outputBlocks: Number(row.outputBlocks),
    outputRows: Number(row.outputRows),
    outputColumns: Number(row.outputColumns),
    kernelRows: Number(row.kernelRows),
    kernelColumns: Number(row.kernelColumns),
    strideColumns: Number(row.strideColumns),
    inputBlocks: Number(row.inputBlocks),
    depthwise: row.depthwise === '1',
  };
  if (row.operation === 'CONVOLVE') return convolveCycles(shape, sizes);
  return row.operation === 'POOL' ? poolCycles(shape, sizes) : elementwiseCycles(shape, sizes);
}

describe('cycles of EXECUTE', () => {
  it('are those counted tile by tile and bank by bank', () => {
    const rows = readTable('execute.csv');
    expect(new Set(rows.map((row) => `${row.operation} ${row.configuration}`)).size).toBe(20);
    for (const row of rows) {
      const { tiles, cycles, products } = row;
      expect(executeCyclesOf(row), JSON.stringify(row)).toEqual({
        tiles: Number(tiles),
        cycles: Number(cycles),
        multiplyAccumulates: Number(products),
      });
    }
  });
});

describe('cycles of a transfer alone', () => {
  it('are those counted burst by burst', () => {
    const rows = readTable('transfer.csv');
    expect(rows.length).toBeGreaterThan(100);
    for (const row of rows) {
      const shape: TransferShape = {
        memory: row.memory as TransferShape['memory'],
        columns: Number(row.columns),
        rows: Number(row.rows),
        blocks: Number(row.blocks),
        dramRowPitch: Number(row.dramRowPitch),
        dramBlockPitch: Number(row.dramBlockPitch),
      };
      expect(transferCycles(shape, configurationOf(row)), JSON.stringify(row)).toEqual({
        beats: Number(row.beats),
        cycles: Number(row.cycles),
      });
    }
  });
});
