import type { CompileReport } from '../report.ts';
import {
  bytes,
  count,
  decibels,
  kindOf,
  mapSize,
  milliseconds,
  modelName,
  nodesLeftOut,
  percent,
  placements,
  scaled,
  share,
  trust,
} from './figures.ts';

/** A column of a table: its heading, its cells, and whether they are numbers. */
interface Column<Row> {
  heading: string;
  cell: (row: Row, index: number) => string;
  isNumber?: boolean;
}

/** Longest name in a table: those of some exporters fill a line by themselves. */
const nameLengthMax = 48;

/** The report as text: a summary, and aligned tables of layers, of nodes that stay, and of memory. */
export function textReport(report: CompileReport): string {
  return [summary(report), quantisation(report), layers(report), stayed(report), memory(report)]
    .filter((section) => section !== '')
    .join('\n\n')
    .concat('\n');
}

/** The lines that a person reads first. */
export function summary(report: CompileReport): string {
  const { estimate, configuration, multiplyAccumulates, model, verification } = report;
  const { npu, total } = multiplyAccumulates;
  const onNpu = report.placement.filter(({ placement }) => placement === 'npu').length;
  const onHost = report.placement.filter(({ placement }) => placement.startsWith('host')).length;
  return pairs([
    ['model', `${modelName(report)}, ${model.nodeCount} nodes, ${bytes(model.bytes)}`],
    ['for', `${configuration.name} (part ${configuration.part}, ${configuration.clockMhz} MHz)`],
    [
      'on the NPU',
      `${share(npu, total)} of ${scaled(total)} multiply-accumulates; ${onNpu} nodes, ${onHost} stay on the CPU`,
    ],
    [
      'latency',
      `${milliseconds(estimate.milliseconds)} an item, ${count(estimate.cycles)} cycles (${trust(estimate)}; NPU part only)`,
    ],
    ['throughput', `${estimate.itemsPerSecond.toFixed(1)} items/s of one NPU (${trust(estimate)})`],
    ['utilisation', `${percent(estimate.utilisation)} of ${configuration.multipliers} multipliers`],
    [
      'bandwidth',
      `${estimate.megabytesPerSecond.toFixed(0)} of ${count(estimate.megabytesPerSecondMax)} MB/s`,
    ],
    [
      'verified',
      `${verification.programItems} items byte for byte on the simulator, ${verification.modelItems} samples through the whole model`,
    ],
  ]);
}

function quantisation({ quantisation: report }: CompileReport): string {
  const { method, score, sampleCount, floatAccuracy, costliest, betterInFloat } = report;
  const lines: [string, string][] = [['quantised', `${method}, ${sampleCount} samples`]];
  if (score !== undefined) {
    lines.push(['signal/noise', `${decibels(score.decibels)} dB at the outputs`]);
    if (score.agreement !== undefined)
      lines.push(['agreement', `${percent(score.agreement)} same first class`]);
    if (score.accuracy !== undefined) {
      lines.push([
        'accuracy',
        `${(score.accuracy * 100).toFixed(2)} % in int8, ${((floatAccuracy ?? 0) * 100).toFixed(2)} % in float`,
      ]);
    }
  }
  if (costliest.length > 0) lines.push(['costliest', costliest.map(short).join(', ')]);
  for (const { operations, decibels: gain } of betterInFloat) {
    lines.push(['in float', `${operations.map(short).join(', ')} would gain ${gain.toFixed(1)} dB`]);
  }
  return pairs(lines);
}

function layers(report: CompileReport): string {
  const text = columns(report.layers, [
    { heading: '#', cell: (_, index) => String(index), isNumber: true },
    { heading: 'LAYER', cell: ({ name }) => short(name) },
    { heading: 'KIND', cell: kindOf },
    { heading: 'OUTPUT', cell: ({ output }) => mapSize(output) },
    { heading: 'MAC', cell: (layer) => scaled(layer.multiplyAccumulates), isNumber: true },
    { heading: 'CYCLES', cell: ({ cycles }) => count(cycles), isNumber: true },
    { heading: 'EXECUTE', cell: ({ executeCycles }) => count(executeCycles), isNumber: true },
    {
      heading: 'USED',
      cell: (layer) => (layer.multiplyAccumulates === 0 ? '' : percent(layer.utilisation)),
      isNumber: true,
    },
    { heading: 'LOADED', cell: ({ beatsLoaded }) => count(beatsLoaded), isNumber: true },
    { heading: 'STORED', cell: ({ beatsStored }) => count(beatsStored), isNumber: true },
    { heading: 'DB', cell: (layer) => decibels(layer.decibels), isNumber: true },
  ]);
  return `Layers on the NPU (cycles are ${trust(report.estimate)}; LOADED and STORED in beats of ${report.configuration.inputParallel} bytes)\n${text}`;
}

function stayed(report: CompileReport): string {
  const { placement } = report;
  const nodes = placement.filter((node) => node.placement.startsWith('host'));
  const others = nodesLeftOut(report)
    .map((line) => `\n${line}.`)
    .join('');
  if (nodes.length === 0) return `No node stays on the CPU.${others}`;
  const text = columns(nodes, [
    { heading: 'NODE', cell: ({ node }) => short(node) },
    { heading: 'OPERATOR', cell: ({ operator }) => operator },
    { heading: 'WHERE', cell: ({ placement: where }) => placements[where] },
    { heading: 'WHY', cell: ({ reason }) => reason },
  ]);
  return `Nodes on the CPU\n${text}${others}`;
}

function memory({ memory: report }: CompileReport): string {
  const resident = report.maps.filter(({ address }) => address !== undefined).length;
  const spilled = report.maps.filter(({ arenaOffset }) => arenaOffset !== undefined).length;
  return `Memory\n${pairs([
    [
      'program',
      `${bytes(report.programBytes)}: ${count(report.instructions)} instructions, ${bytes(report.weightsBytes)} of constants`,
    ],
    ['input', bytes(report.inputBytes)],
    ['output', bytes(report.outputBytes)],
    ['arena', `${bytes(report.arenaBytes)} for ${spilled} maps that do not stay on chip`],
    [
      'on chip',
      `${report.activationLines} lines of ${report.lineBytes} bytes; ${resident} of ${report.maps.length} maps stay there as a whole`,
    ],
  ])}`;
}

function short(name: string): string {
  return name.length <= nameLengthMax ? name : `...${name.slice(3 - nameLengthMax)}`;
}

function pairs(lines: readonly [string, string][]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

/** Numbers stand to the right, names to the left. */
function columns<Row>(rows: readonly Row[], described: readonly Column<Row>[]): string {
  const cells = rows.map((row, index) => described.map(({ cell }) => cell(row, index)));
  const all = [described.map(({ heading }) => heading), ...cells];
  const widths = described.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          described[column]?.isNumber ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
