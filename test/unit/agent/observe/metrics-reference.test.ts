import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { processRegistry } from '../../../../agent/observe/process-metrics.ts';
import { ScoringMetrics } from '../../../../agent/observe/scoring-metrics.ts';
import { repositoryPath } from '../../../support/paths.ts';

interface Metric {
  name: string;
  type: string;
  labels: string;
  help: string;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { refId: string; expr: string }[];
}

interface Dashboard {
  title: string;
  uid: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; definition?: string }[] };
}

/** Everything that a device can export. */
async function exportedMetrics(): Promise<Metric[]> {
  const registry = processRegistry();
  new ScoringMetrics(registry, {
    images: () => [],
    answers: { samples: () => [] },
    spans: () => ({ exported: 0, dropped: 0 }),
    collection: () => undefined,
    hasTritonNames: true,
  });
  const described = registry.getMetricsAsArray() as unknown as {
    labelNames: readonly string[];
    get(): Promise<Omit<Metric, 'labels'>>;
  }[];
  return Promise.all(
    described.map(async (metric) => {
      const { name, type, help } = await metric.get();
      return { name, type, labels: metric.labelNames.join(', '), help };
    }),
  );
}

function documentedMetrics(): Metric[] {
  const text = readFileSync(repositoryPath('docs', 'reference', 'observability.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z]+_[a-z0-9_]+)` \| (\w+) \| ([^|]*) \| (.*) \|$/gm)];
  return rows.map(([, name = '', type = '', labels = '', help = '']) => ({
    ...{ name, type, help },
    labels: labels.trim(),
  }));
}

function dashboard(): Dashboard {
  const path = repositoryPath('docs', 'observability', 'sluice-dashboard.json');
  return JSON.parse(readFileSync(path, 'utf8')) as Dashboard;
}

/** The metrics that a PromQL expression names: those of a histogram without their ending. */
function metricsOf(expression: string, histograms: ReadonlySet<string>): string[] {
  const names = expression.match(/\b(?:sluice|nv|process|nodejs)_[a-z0-9_]+/g) ?? [];
  return names.map((name) => {
    const stem = name.replace(/_(bucket|sum|count)$/, '');
    return histograms.has(stem) ? stem : name;
  });
}

const byName = (one: Metric, other: Metric): number => (one.name < other.name ? -1 : 1);

describe('the reference of the metrics', () => {
  it('lists exactly what is exported', async () => {
    expect(documentedMetrics().sort(byName)).toEqual((await exportedMetrics()).sort(byName));
  });
});

describe('the dashboard', () => {
  it('asks for nothing that is not exported, and for every metric of an image', async () => {
    const exported = await exportedMetrics();
    const histograms = new Set(exported.filter(({ type }) => type === 'histogram').map(({ name }) => name));
    const { panels, templating } = dashboard();
    const expressions = [
      ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
      ...templating.list.flatMap(({ definition }) => definition ?? []),
    ];
    const used = new Set(expressions.flatMap((expression) => metricsOf(expression, histograms)));
    const names = new Set(exported.map(({ name }) => name));
    expect([...used].filter((name) => !names.has(name))).toEqual([]);
    // Those that say the same as another one that is shown.
    const spare = new Set(['sluice_breaker_openings_total', 'sluice_shadow_bytes_total']);
    const unused = [...names].filter((name) => name.startsWith('sluice_') && !used.has(name));
    expect(unused.filter((name) => !spare.has(name))).toEqual([]);
  });

  it('can be imported: panels with identifiers of their own that do not overlap, on a chosen data source', () => {
    const { panels, templating, uid, schemaVersion } = dashboard();
    expect([uid, schemaVersion]).toEqual(['sluice-scoring', 39]);
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = new Set<string>();
    for (const { type, title, gridPos, datasource, targets } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([title, cells.has(`${x} ${y}`)]).toEqual([title, false]);
          cells.add(`${x} ${y}`);
        }
      }
      if (type === 'row') continue;
      expect([title, datasource?.uid]).toEqual([title, `\${datasource}`]);
      expect(targets?.length).toBeGreaterThan(0);
    }
  });
});
