import type { CompileReport, LayerReport, MapPlacementReport, TimelineSpan } from '../report.ts';
import { bytes, count, percent, trust } from './figures.ts';
import { escaped, kindClass, kindLegend } from './markup.ts';

const unitNames = ['LOAD', 'EXECUTE', 'STORE'] as const;
const unitHeight = 10;
/** Part of a row that a bar takes at least. */
const busyHeightMin = 0.08;

/** What the three units do and which maps lie in activation memory, over one axis of cycles. */
export function charts(report: CompileReport): string {
  const { layers, timeline, memory, estimate } = report;
  const { cycles } = timeline;
  const spans = timeline.spans.map((span) => spanMark(span, layers[span.layer])).join('');
  const maps = memory.maps.flatMap((map) => mapMark(map, report) ?? []).join('');
  const box = (height: number): string =>
    `viewBox="0 0 ${cycles} ${height}" preserveAspectRatio="none" role="img"`;
  return `<h2>Timeline and activation memory</h2>
<p class="soft">Cycles are ${trust(estimate)}. The height of a bar is the part of its time in which the unit works. Wheel: zoom; drag: move; double click: all.</p>
${kindLegend(new Set(layers.map(({ kind }) => kind)))}
<div class="chart" data-cycles="${cycles}">
<div class="units">${unitNames.map((name) => `<span>${name}<br>${percent(estimate.busyCycles[name] / Math.max(cycles, 1))} busy</span>`).join('')}</div>
<svg ${box(unitHeight * 3)} height="150" aria-label="what the units do over time">${spans}</svg>
<div class="lines"><span>line 0</span><span>maps kept<br>on chip</span><span>${count(memory.activationLines)}</span></div>
<svg ${box(memory.activationLines)} height="190" aria-label="maps in activation memory over time">${maps}</svg>
<div class="axis"><span>cycle 0</span><span>cycle ${count(cycles)}</span></div>
<div class="told soft"></div>
</div>`;
}

function spanMark(span: TimelineSpan, layer: LayerReport | undefined): string {
  const { unit, firstCycle, endCycle, busyCycles, instructions } = span;
  const what = `${unit} cycles ${count(firstCycle)} to ${count(endCycle)}: ${layer?.name ?? 'no layer'} (${layer?.kind ?? ''}), ${count(instructions)} instructions, ${count(busyCycles)} cycles busy`;
  const width = endCycle - firstCycle;
  const height = (unitHeight - 2) * Math.max(busyHeightMin, busyCycles / Math.max(width, 1));
  const top = (unitNames.indexOf(unit) + 1) * unitHeight - 1 - height;
  return `<rect class="${colour(layer, span.layer)}" x="${firstCycle}" y="${round(top)}" width="${width}" height="${round(height)}"><title>${escaped(what)}</title></rect>`;
}

/**
 * From the first result of its layer, or the load of an input, to the end of the last layer that reads it;
 * undefined for a map that is not kept.
 */
function mapMark(map: MapPlacementReport, report: CompileReport): string | undefined {
  const { layers, timeline, memory } = report;
  if (map.address === undefined) return undefined;
  const maker = layers.findIndex(({ output }) => output.name === map.name);
  const readers = [...layers.keys()].filter((index) =>
    layers[index]?.inputs.some(({ name }) => name === map.name),
  );
  const start = maker === -1 ? (layers[readers[0] ?? 0]?.firstCycle ?? 0) : executed(maker, report).first;
  const users = [...readers, ...(maker === -1 ? [] : [maker])];
  const end = Math.min(
    timeline.cycles,
    Math.max(start + 1, ...users.map((user) => executed(user, report).end)),
  );
  const what = `${map.name}: lines ${map.address} to ${map.address + map.lines - 1}, ${bytes(map.lines * memory.lineBytes)}`;
  return `<rect class="${colour(layers[maker], maker)}" x="${start}" y="${map.address}" width="${end - start}" height="${map.lines}"><title>${escaped(what)}</title></rect>`;
}

/** When EXECUTE works on a layer: its weights are loaded long before. */
function executed(index: number, { layers, timeline }: CompileReport): { first: number; end: number } {
  const spans = timeline.spans.filter(({ unit, layer }) => unit === 'EXECUTE' && layer === index);
  const layer = layers[index];
  return {
    first: spans[0]?.firstCycle ?? layer?.firstCycle ?? 0,
    end: spans.at(-1)?.endCycle ?? layer?.endCycle ?? 0,
  };
}

/** Enough digits for a drawing. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Neighbours of one kind differ a little. */
function colour(layer: LayerReport | undefined, index: number): string {
  return `${kindClass(layer?.kind ?? 'pad')}${index % 2 === 0 ? '' : ' odd'}`;
}
