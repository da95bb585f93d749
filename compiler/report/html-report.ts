import type { CompileReport, LayerReport, NodePlacement } from '../report.ts';
import { chartScript } from './chart-script.ts';
import { charts } from './charts.ts';
import * as figures from './figures.ts';
import { graphDrawing } from './graph-drawing.ts';
import { escaped } from './markup.ts';
import { pageStyle } from './page-style.ts';

/** The report as one page that loads nothing from anywhere, for a browser with or without scripts. */
export function htmlReport(report: CompileReport): string {
  const title = escaped(`${figures.modelName(report)} on ${report.configuration.name}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title>
<style>${pageStyle}</style>
</head>
<body>
<h1>${title}</h1>
<p><span class="label">${figures.trust(report.estimate)}</span> <span class="soft">Times are the timed simulation's, of one item on the NPU; never the latency of a request.</span></p>
${cards(report)}
${layerTable(report)}
${charts(report)}
${graphDrawing(report)}
${memoryTable(report)}
${quantisationSection(report)}
${stayedTable(report)}
<script>${chartScript}</script>
</body>
</html>
`;
}

function cards(report: CompileReport): string {
  const { estimate, configuration, multiplyAccumulates, quantisation, verification, model } = report;
  const { npu, total } = multiplyAccumulates;
  const { score, floatAccuracy } = quantisation;
  const all = [
    [
      figures.milliseconds(estimate.milliseconds),
      `an item, ${figures.count(estimate.cycles)} cycles at ${configuration.clockMhz} MHz`,
    ],
    [`${estimate.itemsPerSecond.toFixed(1)}/s`, 'items of one NPU'],
    [figures.percent(estimate.utilisation), `of ${configuration.multipliers} multipliers used`],
    [figures.share(npu, total), `of ${figures.scaled(total)} multiply-accumulates on the NPU`],
    [
      `${figures.count(estimate.megabytesPerSecond)} MB/s`,
      `off-chip traffic, of ${figures.count(estimate.megabytesPerSecondMax)}`,
    ],
    ...(score === undefined
      ? []
      : [[`${figures.decibels(score.decibels)} dB`, `signal to noise of int8 (${quantisation.method})`]]),
    ...(score?.agreement === undefined
      ? []
      : [[figures.percent(score.agreement), 'same first class as float']]),
    ...(score?.accuracy === undefined
      ? []
      : [
          [
            `${(score.accuracy * 100).toFixed(2)} %`,
            `accuracy; float ${((floatAccuracy ?? 0) * 100).toFixed(2)} %`,
          ],
        ]),
    [`${verification.programItems}`, 'items equal byte for byte on the simulator and ONNX Runtime'],
    [figures.bytes(model.bytes), `model, ${model.nodeCount} nodes`],
  ] as [string, string][];
  return `<div class="cards">${all.map(([value, text]) => `<div class="card"><b>${escaped(value)}</b><small>${escaped(text)}</small></div>`).join('')}</div>`;
}

/** A cell with a bar of a fraction behind its text. */
function bar(fraction: number, text: string): string {
  const width = Math.min(100, Math.max(0, fraction * 100)).toFixed(1);
  return `<td class="bar number"><i style="width:${width}%"></i><span>${escaped(text)}</span></td>`;
}

function number(text: string): string {
  return `<td class="number">${escaped(text)}</td>`;
}

function layerTable(report: CompileReport): string {
  const most = Math.max(1, ...report.layers.map(({ cycles }) => cycles));
  const row = (layer: LayerReport, index: number): string =>
    `<tr>${number(String(index))}<td class="name" title="${escaped(layer.name)}">${escaped(layer.name)}</td>` +
    `<td>${escaped(figures.kindOf(layer))}</td>` +
    `<td>${escaped(layer.inputs.map(figures.mapSize).join(', '))}</td><td>${escaped(figures.mapSize(layer.output))}</td>` +
    number(figures.scaled(layer.multiplyAccumulates)) +
    bar(layer.cycles / most, figures.count(layer.cycles)) +
    number(figures.count(layer.executeCycles)) +
    bar(layer.utilisation, layer.multiplyAccumulates === 0 ? '' : figures.percent(layer.utilisation)) +
    number(figures.count(layer.beatsLoaded)) +
    number(figures.count(layer.beatsStored)) +
    `${number(figures.decibels(layer.decibels))}</tr>`;
  return `<h2>Layers on the NPU</h2>
<p class="soft">Cycles: what a layer adds to the program's, ${figures.trust(report.estimate)}. Beats of ${report.configuration.inputParallel} bytes.</p>
<div class="scroll"><table><thead><tr><th>#</th><th>layer</th><th>kind</th><th>inputs</th><th>output</th><th class="number">MAC</th><th class="number">cycles</th><th class="number">EXECUTE</th><th class="number">utilisation</th><th class="number">beats loaded</th><th class="number">stored</th><th class="number">dB</th></tr></thead>
<tbody>${report.layers.map(row).join('\n')}</tbody></table></div>`;
}

function memoryTable({ memory }: CompileReport): string {
  const parts: [string, number][] = [
    ['constants: weights, channel records, tables', memory.weightsBytes],
    ['instructions', memory.programBytes - memory.weightsBytes],
    ['input of one item', memory.inputBytes],
    ['output of one item', memory.outputBytes],
    ['arena: maps that do not stay on chip', memory.arenaBytes],
  ];
  const most = Math.max(1, ...parts.map(([, size]) => size));
  const rows = parts.map(
    ([name, size]) => `<tr><td>${name}</td>${bar(size / most, figures.bytes(size))}</tr>`,
  );
  const spilled = memory.maps
    .filter(({ arenaOffset }) => arenaOffset !== undefined)
    .map(
      (map) =>
        `<tr><td class="name">${escaped(map.name)}</td>${number(figures.count(map.arenaOffset ?? 0))}${number(figures.bytes(map.lines * memory.lineBytes))}<td>${map.address === undefined ? 'no' : 'yes, too'}</td></tr>`,
    );
  const list =
    spilled.length === 0
      ? '<p class="soft">No map leaves the chip between layers.</p>'
      : `<div class="scroll"><table><thead><tr><th>map in the arena</th><th class="number">first byte</th><th class="number">size</th><th>on chip</th></tr></thead><tbody>${spilled.join('')}</tbody></table></div>`;
  return `<h2>Off-chip memory</h2><div class="scroll"><table><tbody>${rows.join('')}</tbody></table></div>${list}`;
}

function quantisationSection({ quantisation }: CompileReport): string {
  const { method, sampleCount, tried, costliest, betterInFloat } = quantisation;
  const rows = tried.map(
    (each) =>
      `<tr><td>${escaped(each.method)}</td>${number(figures.decibels(each.decibels))}${number(each.agreement === undefined ? '' : figures.percent(each.agreement))}${number(each.accuracy === undefined ? '' : figures.percent(each.accuracy))}</tr>`,
  );
  const table =
    rows.length < 2
      ? ''
      : `<div class="scroll"><table><thead><tr><th>method tried</th><th class="number">dB</th><th class="number">agreement</th><th class="number">accuracy</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
  const costs =
    costliest.length === 0 ? '' : `<p>Most noise comes from ${escaped(costliest.join(', '))}.</p>`;
  const gains = betterInFloat.map(
    ({ operations, decibels }) =>
      `<p>In float, ${escaped(operations.join(', '))} would gain ${decibels.toFixed(1)} dB.</p>`,
  );
  return `<h2>Quantisation</h2><p>Method ${escaped(method)}, ${sampleCount} samples.</p>${table}${costs}${gains.join('')}`;
}

function stayedTable({ placement }: CompileReport): string {
  const nodes = placement.filter(({ placement: where }) => where.startsWith('host'));
  if (nodes.length === 0) return '<h2>On the CPU</h2><p>No node stays on the CPU.</p>';
  const row = ({ node, operator, placement: where, reason }: NodePlacement): string =>
    `<tr><td class="name" title="${escaped(node)}">${escaped(node)}</td><td>${escaped(operator)}</td><td>${figures.placements[where]}</td><td class="why">${escaped(reason)}</td></tr>`;
  return `<h2>On the CPU</h2><div class="scroll"><table><thead><tr><th>node</th><th>operator</th><th>where</th><th>why</th></tr></thead><tbody>${nodes.map(row).join('')}</tbody></table></div>`;
}
