import type { CompileReport, NodePlacement } from '../report.ts';
import { kindOf, mapSize, nodesLeftOut, placements } from './figures.ts';
import { escaped } from './markup.ts';

const rowHeight = 26;
const laneWidth = 9;
const lanesMax = 32;
const boxWidth = 400;
const reasonWidth = 560;
/** Letters that fit a box; the whole name is in its tooltip. */
const nameLengthMax = 46;
const reasonLengthMax = 90;

/** A row of the drawing: a node, or an input or output of the graph. */
interface Row {
  title: string;
  name: string;
  look: string;
  reason: string;
  reads: readonly string[];
  gives: readonly string[];
}

/** A tensor that goes to more than the next row, in a lane beside the boxes. */
interface Edge {
  from: number;
  to: readonly number[];
  lane: number;
}

/**
 * The graph as boxes from top to bottom in the order of the nodes, with tensors as lines: to the next row
 * straight, to others through lanes at the side.
 */
export function graphDrawing(report: CompileReport): string {
  const rows = rowsOf(report);
  const edges = edgesOf(rows);
  const lanes = Math.max(0, ...edges.map(({ lane }) => lane + 1));
  const left = 14 + lanes * laneWidth;
  const width = left + boxWidth + reasonWidth;
  const height = rows.length * rowHeight + 10;
  const boxes = rows.map((row, index) => box(row, index, left)).join('');
  const lines = edges.map((edge) => path(edge, left)).join('');
  const used = new Set(drawnNodes(report.placement).map(({ placement }) => placement));
  const others = nodesLeftOut(report).map((line) => `<span>not drawn: ${line}</span>`);
  const legend = Object.entries(placements)
    .filter(([name]) => used.has(name as NodePlacement['placement']))
    .map(([name, text]) => `<span><i class="${name}"></i>${text}</span>`);
  return `<h2>Graph and placement</h2><p class="legend">${[...legend, ...others].join('')}</p>
<div class="scroll"><svg class="graph" width="${width}" height="${height}" role="img" aria-label="the model's graph">${lines}${boxes}</svg></div>`;
}

function rowsOf({ model, placement, layers }: CompileReport): Row[] {
  const shape = (sizes: readonly number[]): string =>
    sizes.map((size) => (size === -1 ? '?' : size)).join('x');
  return [
    ...model.inputs.map(
      (input): Row => ({
        title: 'input',
        name: `${input.name} ${shape(input.shape)}`,
        look: 'edge',
        reason: '',
        reads: [],
        gives: [input.name],
      }),
    ),
    ...drawnNodes(placement).map(
      (node): Row => ({
        title: node.operator,
        name: node.node,
        look: node.placement,
        reason: reasonOf(node, layers),
        reads: node.inputs,
        gives: node.outputs,
      }),
    ),
    ...model.outputs.map(
      (output): Row => ({
        title: 'output',
        name: `${output.name} ${shape(output.shape)}`,
        look: 'edge',
        reason: '',
        reads: [output.name],
        gives: [],
      }),
    ),
  ];
}

/** A constant is nothing to follow through a graph, and nothing follows from what is not used. */
function drawnNodes(placement: CompileReport['placement']): NodePlacement[] {
  return placement.filter((node) => node.placement !== 'folded' && node.placement !== 'unused');
}

function reasonOf(node: NodePlacement, layers: CompileReport['layers']): string {
  const layer = node.layer === undefined ? undefined : layers[node.layer];
  return layer === undefined
    ? node.reason
    : `layer ${node.layer}: ${kindOf(layer)}, gives ${mapSize(layer.output)}`;
}

function edgesOf(rows: readonly Row[]): Edge[] {
  const readers = new Map<string, number[]>();
  for (const [index, { reads }] of rows.entries()) {
    for (const name of new Set(reads)) readers.set(name, [...(readers.get(name) ?? []), index]);
  }
  const laneEnds: number[] = [];
  return rows.flatMap(({ gives }, from) => {
    const to = [...new Set(gives.flatMap((name) => readers.get(name) ?? []))].filter((row) => row > from);
    const far = to.filter((row) => row > from + 1);
    const near: Edge[] = to.includes(from + 1) ? [{ from, to: [from + 1], lane: -1 }] : [];
    if (far.length === 0) return near;
    const free = laneEnds.findIndex((end) => end <= from);
    const lane = free !== -1 ? free : Math.min(laneEnds.length, lanesMax - 1);
    laneEnds[lane] = Math.max(laneEnds[lane] ?? 0, ...far);
    return [...near, { from, to: far, lane }];
  });
}

function box(row: Row, index: number, left: number): string {
  const top = index * rowHeight + 5;
  const name = row.name.length <= nameLengthMax ? row.name : `…${row.name.slice(1 - nameLengthMax)}`;
  const reason =
    row.reason.length <= reasonLengthMax ? row.reason : `${row.reason.slice(0, reasonLengthMax - 1)}…`;
  return `<g class="${row.look}"><title>${escaped(`${row.title} ${row.name}${row.reason === '' ? '' : `: ${row.reason}`}`)}</title><rect x="${left}" y="${top}" width="${boxWidth}" height="20" rx="4"/><text x="${left + 8}" y="${top + 14}"><tspan font-weight="600">${escaped(row.title)}</tspan> ${escaped(name)}</text><text class="why" x="${left + boxWidth + 12}" y="${top + 14}">${escaped(reason)}</text></g>`;
}

function path({ from, to, lane }: Edge, left: number): string {
  const middle = (row: number): number => row * rowHeight + 15;
  if (lane === -1) {
    return `<path d="M${left + 30} ${middle(from) + 10}V${middle(from + 1) - 10}"/>`;
  }
  const x = left - 8 - lane * laneWidth;
  const end = Math.max(...to);
  const branches = to.map((row) => `M${x} ${middle(row) + 4}H${left}`).join('');
  return `<path d="M${left} ${middle(from) + 4}H${x}V${middle(end) + 4}${branches}"/>`;
}
