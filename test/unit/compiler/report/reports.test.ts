import { describe, expect, it } from 'vitest';
import { htmlReport } from '../../../../compiler/report/html-report.ts';
import { textReport } from '../../../../compiler/report/text-report.ts';
import { compileReport } from '../../../support/compile-report.ts';

const escapedName = '&#60;first&#62; &#38; &#34;only&#34;';

describe('the page', () => {
  const page = htmlReport(compileReport());

  it('loads nothing from anywhere, and says so to the browser', () => {
    expect(page).not.toMatch(/\b(src|href)\s*=|https?:|@import|url\(|<link|<iframe|<img/i);
    expect(page).toContain("default-src 'none'");
  });

  it('has every layer in the table and in the timeline, names escaped', () => {
    expect(page).not.toContain('<first>');
    expect(page).toContain(`title="${escapedName}"`);
    expect(page).toContain(`EXECUTE cycles 40 to 140: ${escapedName} (convolution)`);
    expect(page.match(/<td class="name" title="second">/g)).toHaveLength(1);
  });

  it('draws each node where it runs, with its reason or its layer', () => {
    for (const [look, text] of [
      ['host-head', 'because transpose'],
      ['npu', 'layer 0: convolution 3x3/1x1, gives 16x8x8'],
      ['host-tail', 'because softmax'],
    ]) {
      expect(page).toMatch(new RegExp(`<g class="${look}">.*?${text}`));
    }
    // transpose -> second passes first by: a line through a lane.
    expect(page.match(/<path d="M\d+ \d+H\d+V/g)).toHaveLength(1);
  });

  it('leaves nodes that give constants or nothing needs out of the graph, and counts them', () => {
    expect(page).not.toContain('because shape');
    expect(page).not.toContain('because debug');
    expect(page).toContain('not drawn: 1 nodes give constants');
    expect(page).toContain('not drawn: 1 nodes are left out');
    expect(textReport(compileReport())).toContain('1 nodes give constants');
    expect(textReport(compileReport())).toContain('1 nodes are left out');
  });

  it('draws bars as high as their units are busy', () => {
    expect(page).toContain('x="0" y="5" width="60" height="4"><title>LOAD');
    expect(page).toContain('x="140" y="11" width="100" height="8"><title>EXECUTE');
  });

  it('draws the maps that stay on chip, from the first result to the last reader', () => {
    expect(page).toContain('x="40" y="0" width="200" height="64"><title>a: lines 0 to 63, 1.0 KiB');
    expect(page).not.toContain('<title>b: lines');
  });

  it('labels every time as an estimate', () => {
    expect(page).toContain('<span class="label">estimated, uncalibrated</span>');
  });

  it('opens and closes the same elements', () => {
    for (const element of ['div', 'table', 'svg', 'g', 'tr', 'td', 'span', 'p', 'h2']) {
      const opened = page.match(new RegExp(`<${element}[ >]`, 'g'))?.length;
      expect([element, page.match(new RegExp(`</${element}>`, 'g'))?.length]).toEqual([element, opened]);
    }
  });
});

describe('the text', () => {
  const text = textReport(compileReport());

  it('has aligned layers with what was measured', () => {
    const lines = text.split('\n');
    const start = lines.findIndex((line) => line.startsWith('#  LAYER'));
    const [heading = '', first = '', second = ''] = lines.slice(start, start + 3);
    const column = heading.indexOf('KIND');
    expect(first.slice(column)).toMatch(/^convolution 3x3\/1x1 .* 31\.4$/);
    expect(second.slice(column)).toMatch(/^add .* exact$/);
  });

  it('never rounds up to all of the work', () => {
    expect(text).toContain('99.99 % of 27.6 k multiply-accumulates');
  });

  it('gives the reason of each node that stays', () => {
    expect(text).toMatch(/transpose +Conv +CPU, before the NPU +because transpose/);
    expect(text).toMatch(/softmax +Conv +CPU, behind the NPU +because softmax/);
  });

  it('labels times, and gives accuracy beside that of float', () => {
    expect(text).toContain('estimated, uncalibrated');
    expect(text).toContain('87.50 % in int8, 100.00 % in float');
  });
});
