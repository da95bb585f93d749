import type { Registry } from 'prom-client';
import type { CollectionState } from '../collect/data-collector.ts';
import { addCounter, addGauge } from './pulled-metrics.ts';

/** Adds what is known of collected data; nothing has a value where none is. */
export function addCollectionMetrics(registry: Registry, pull: () => CollectionState | undefined): void {
  addCounter(
    registry,
    {
      name: 'sluice_collected_lines_total',
      help: 'Lines of collected data that were written, by collection.',
      labelNames: ['collection'] as const,
    },
    () =>
      Object.entries(pull()?.written ?? {}).map(([collection, value]) => ({ labels: { collection }, value })),
  );
  addCounter(
    registry,
    {
      name: 'sluice_collected_dropped_lines_total',
      help: 'Lines of collected data that were given up, by reason.',
      labelNames: ['reason'] as const,
    },
    () => Object.entries(pull()?.dropped ?? {}).map(([reason, value]) => ({ labels: { reason }, value })),
  );
  addCounter(
    registry,
    {
      name: 'sluice_collected_removed_bytes_total',
      help: 'Bytes of collected data that were removed to make room.',
      labelNames: [] as const,
    },
    () => singleSample(pull()?.removedBytes),
  );
  addGauge(
    registry,
    {
      name: 'sluice_collected_disk_bytes',
      help: 'Bytes that collected data takes on the disk, in blocks of 4 KiB.',
      labelNames: [] as const,
    },
    () => singleSample(pull()?.diskBytes),
  );
}

function singleSample(value: number | undefined): { labels: Record<never, string>; value: number }[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}
