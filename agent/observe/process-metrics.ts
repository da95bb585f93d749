import { openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { type Aggregator, Registry } from 'prom-client';
import { BucketCounts } from './bucket-counts.ts';
import { addCounter, addGauge, addHistogram, type Sample } from './pulled-metrics.ts';

// Metrics of the process, under the names and with the words that prom-client has for every Node.js program. Its own
// take 1.8 ms of the event loop at each scrape, these 0.9: docs/decisions/0023-observability.md. Left out is the
// standard deviation of the event loop's delays, for which Node walks through forty thousand counters.

const usPerSecond = 1e6;
const nsPerSecond = 1e9;
const bytesPerKiB = 1024;
/** More than the lines about memory and those before them have. */
const statusBytesMax = 4096;
const isLinux = process.platform === 'linux';

/** Metrics of processor, memory, event loop and garbage collection. Their observers last as long as the process. */
export function processRegistry(): Registry {
  const registry = new Registry();
  addProcessor(registry);
  addMemory(registry);
  addEventLoop(registry);
  addActivity(registry);
  addHeap(registry);
  addVersion(registry);
  addCollections(registry);
  return registry;
}

type AnySample = Sample<string, number>;

/** One metric of several that are seen together. */
interface Part<Seen> {
  name: string;
  help: string;
  labelNames?: readonly string[];
  aggregator?: Aggregator;
  of: (seen: Seen) => AnySample[];
}

/** Metrics of what is looked at once a scrape, with the first of them. */
function addTogether<Seen>(
  registry: Registry,
  { add = addGauge, look, parts }: { add?: typeof addGauge; look: () => Seen; parts: Part<Seen>[] },
): void {
  let seen: Seen | undefined;
  for (const [index, { name, help, labelNames = [], aggregator, of }] of parts.entries()) {
    add(registry, { name, help, labelNames, ...(aggregator && { aggregator }) }, () => {
      if (index === 0 || seen === undefined) seen = look();
      return of(seen);
    });
  }
}

/** A value without labels; none where it is not known. */
function one(value: number | undefined): AnySample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function addProcessor(registry: Registry): void {
  addTogether(registry, {
    add: addCounter,
    look: () => process.cpuUsage(),
    parts: [
      {
        name: 'process_cpu_user_seconds_total',
        help: 'Total user CPU time spent in seconds.',
        of: ({ user }) => one(user / usPerSecond),
      },
      {
        name: 'process_cpu_system_seconds_total',
        help: 'Total system CPU time spent in seconds.',
        of: ({ system }) => one(system / usPerSecond),
      },
      {
        name: 'process_cpu_seconds_total',
        help: 'Total user and system CPU time spent in seconds.',
        of: ({ user, system }) => one((user + system) / usPerSecond),
      },
    ],
  });
  const startedAtSeconds = Math.round(Date.now() / 1000 - process.uptime());
  addGauge(
    registry,
    {
      name: 'process_start_time_seconds',
      help: 'Start time of the process since unix epoch in seconds.',
      labelNames: [],
      // The last one counts: it changes when one of several is replaced, and what that one had counted is gone.
      aggregator: 'max',
    },
    () => one(startedAtSeconds),
  );
}

function addMemory(registry: Registry): void {
  const resident = { name: 'process_resident_memory_bytes', help: 'Resident memory size in bytes.' };
  if (!isLinux) {
    addGauge(registry, { ...resident, labelNames: [] }, () => one(process.memoryUsage.rss()));
    return;
  }
  addTogether(registry, {
    look: statusReader(),
    parts: [
      { ...resident, of: (status) => one(bytesIn(status, /^VmRSS:\s*(\d+) kB$/m)) },
      {
        name: 'process_virtual_memory_bytes',
        help: 'Virtual memory size in bytes.',
        of: (status) => one(bytesIn(status, /^VmSize:\s*(\d+) kB$/m)),
      },
      {
        name: 'process_heap_bytes',
        help: 'Process heap size in bytes.',
        of: (status) => one(bytesIn(status, /^VmData:\s*(\d+) kB$/m)),
      },
    ],
  });
  addGauge(
    registry,
    { name: 'process_open_fds', help: 'Number of open file descriptors.', labelNames: [] },
    // Without the one that reads the folder.
    () => one(readdirSync('/proc/self/fd').length - 1),
  );
  const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
  addGauge(
    registry,
    { name: 'process_max_fds', help: 'Maximum number of open file descriptors.', labelNames: [] },
    () => one(limit === undefined ? undefined : Number(limit)),
  );
}

/** Reads the file, which stays open, in one system call. */
function statusReader(): () => string {
  const file = openSync('/proc/self/status', 'r');
  const bytes = Buffer.alloc(statusBytesMax);
  return () => bytes.toString('latin1', 0, readSync(file, bytes, 0, statusBytesMax, 0));
}

function bytesIn(status: string, line: RegExp): number | undefined {
  const [, kib] = line.exec(status) ?? [];
  return kib === undefined ? undefined : Number(kib) * bytesPerKiB;
}

/** Of several processes the one that is worst off says more than an average. */
function addEventLoop(registry: Registry): void {
  const delays = monitorEventLoopDelay();
  delays.enable();
  let turnSeconds = 0;
  const look = () => {
    const begunMs = performance.now();
    setImmediate(() => {
      turnSeconds = (performance.now() - begunMs) / 1000;
    });
    const { count, min, max, mean } = delays;
    const [p50, p90, p99] = [50, 90, 99].map((percent) => delays.percentile(percent));
    delays.reset();
    // Of nothing there is neither a mean nor a least.
    return count === 0 ? { lag: turnSeconds } : { lag: turnSeconds, min, max, mean, p50, p90, p99 };
  };
  const part = (
    name: 'min' | 'max' | 'mean' | 'p50' | 'p90' | 'p99',
    what: string,
  ): Part<ReturnType<typeof look>> => ({
    name: `nodejs_eventloop_lag_${name}_seconds`,
    help: `The ${what} recorded event loop delay${name === 'min' || name === 'max' ? '' : 's'}.`,
    aggregator: name === 'min' ? 'min' : 'max',
    of: ({ [name]: ns }) => one(ns === undefined ? undefined : ns / nsPerSecond),
  });
  addTogether(registry, {
    look,
    parts: [
      {
        name: 'nodejs_eventloop_lag_seconds',
        help: 'Lag of event loop in seconds.',
        aggregator: 'max',
        of: ({ lag }) => one(lag),
      },
      part('min', 'minimum'),
      part('max', 'maximum'),
      part('mean', 'mean of the'),
      part('p50', '50th percentile of the'),
      part('p90', '90th percentile of the'),
      part('p99', '99th percentile of the'),
    ],
  });
}

/** What Node.js has of it and does not document. */
interface Undocumented {
  _getActiveHandles?(): object[];
  _getActiveRequests?(): object[];
}

function addActivity(registry: Registry): void {
  const { _getActiveHandles: handles, _getActiveRequests: requests } = process as Undocumented;
  const kindsOf = (objects: readonly object[] = []): string[] =>
    objects.map((object) => object.constructor?.name ?? 'Object');
  const groups = [
    {
      name: 'nodejs_active_resources',
      help: 'Number of active resources that are currently keeping the event loop alive, grouped by async resource type.',
      total: 'Total number of active resources.',
      look: () => process.getActiveResourcesInfo(),
    },
    {
      name: 'nodejs_active_handles',
      help: 'Number of active libuv handles grouped by handle type. Every handle type is C++ class name.',
      total: 'Total number of active handles.',
      look: () => kindsOf(handles?.call(process)),
    },
    {
      name: 'nodejs_active_requests',
      help: 'Number of active libuv requests grouped by request type. Every request type is C++ class name.',
      total: 'Total number of active requests.',
      look: () => kindsOf(requests?.call(process)),
    },
  ];
  for (const { name, help, total, look } of groups) {
    addTogether(registry, {
      look,
      parts: [
        { name, help, labelNames: ['type'], of: countedByType },
        { name: `${name}_total`, help: total, of: ({ length }) => one(length) },
      ],
    });
  }
}

function countedByType(types: readonly string[]): AnySample[] {
  const counts = new Map<string, number>();
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1);
  return Array.from(counts, ([type, value]) => ({ labels: { type }, value }));
}

function addHeap(registry: Registry): void {
  addTogether(registry, {
    look: getHeapStatistics,
    parts: [
      {
        name: 'nodejs_heap_size_total_bytes',
        help: 'Process heap size from Node.js in bytes.',
        of: ({ total_heap_size: bytes }) => one(bytes),
      },
      {
        name: 'nodejs_heap_size_used_bytes',
        help: 'Process heap size used from Node.js in bytes.',
        of: ({ used_heap_size: bytes }) => one(bytes),
      },
      {
        name: 'nodejs_external_memory_bytes',
        help: 'Node.js external memory size in bytes.',
        of: ({ external_memory: bytes }) => one(bytes),
      },
    ],
  });
  const part = (
    what: 'total' | 'used' | 'available',
    field: 'space_size' | 'space_used_size' | 'space_available_size',
  ): Part<ReturnType<typeof getHeapSpaceStatistics>> => ({
    name: `nodejs_heap_space_size_${what}_bytes`,
    help: `Process heap space size ${what} from Node.js in bytes.`,
    labelNames: ['space'],
    of: (spaces) =>
      spaces.map(({ space_name: name, [field]: value }) => {
        return { labels: { space: name.replace(/_space$/, '') }, value };
      }),
  });
  addTogether(registry, {
    look: getHeapSpaceStatistics,
    parts: [
      part('total', 'space_size'),
      part('used', 'space_used_size'),
      part('available', 'space_available_size'),
    ],
  });
}

function addVersion(registry: Registry): void {
  const { version } = process;
  const [major = '', minor = '', patch = ''] = version.slice(1).split('.');
  addGauge(
    registry,
    {
      name: 'nodejs_version_info',
      help: 'Node.js version info.',
      labelNames: ['version', 'major', 'minor', 'patch'],
      aggregator: 'first',
    },
    () => [{ labels: { version, major, minor, patch }, value: 1 }],
  );
}

const collectionBoundsSeconds = [0.001, 0.01, 0.1, 1, 2, 5];
const collectionKinds = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

function addCollections(registry: Registry): void {
  const byKind = new Map<string, BucketCounts>();
  new PerformanceObserver((list) => {
    // Of a collection, which the types do not know, the entry says the kind.
    for (const { duration, detail } of list.getEntries() as (PerformanceEntry & {
      detail: { kind: number };
    })[]) {
      const kind = collectionKinds.get(detail.kind) ?? 'other';
      const counts = byKind.get(kind) ?? new BucketCounts(collectionBoundsSeconds);
      counts.observe(duration / 1000);
      byKind.set(kind, counts);
    }
  }).observe({ entryTypes: ['gc'] });
  addHistogram(
    registry,
    {
      name: 'nodejs_gc_duration_seconds',
      help: 'Garbage collection duration by kind, one of major, minor, incremental or weakcb.',
      labelNames: ['kind'],
    },
    () => Array.from(byKind, ([kind, value]) => ({ labels: { kind }, value })),
  );
}
