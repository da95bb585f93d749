import type { Registry } from 'prom-client';
import type { BucketCounts } from './bucket-counts.ts';
import type { ExecutionMeters, RouteMeters } from './image-meters.ts';
import type { ObservedImage, ObservedQueue, ObserveImages } from './observed-image.ts';
import { addCounter, addGauge, addHistogram, type Sample } from './pulled-metrics.ts';

// Labels come from the deployments that are served now and from closed lists, so the number of series is bounded,
// and those of a removed deployment are gone with the next scrape.

const imageLabels = ['model', 'version'] as const;
const routeLabels = [...imageLabels, 'route'] as const;
type ImageLabel = (typeof imageLabels)[number];
type RouteLabel = (typeof routeLabels)[number];

/** Adds what is known of every image: requests, phases, executions, queues, breakers, shadows. */
export function addImageMetrics(registry: Registry, images: ObserveImages): void {
  addRequests(registry, images);
  addDurations(registry, images);
  addExecutions(registry, images);
  addQueues(registry, images);
  addBreakers(registry, images);
  addShadows(registry, images);
}

function addRequests(registry: Registry, images: ObserveImages): void {
  addGauge(
    registry,
    {
      name: 'sluice_image_info',
      help: 'Always 1; which image a deployment serves, by its digest.',
      labelNames: [...imageLabels, 'image'] as const,
      aggregator: 'max',
    },
    () => images().map((image) => ({ labels: { ...labelsOf(image), image: image.digest }, value: 1 })),
  );
  addCounter(
    registry,
    {
      name: 'sluice_requests_total',
      help: 'Requests to an image, by dialect and by the HTTP status of their answer.',
      labelNames: [...imageLabels, 'dialect', 'status'] as const,
    },
    () =>
      images().flatMap((image) =>
        [...image.meters.requests].flatMap(([dialect, statuses]) =>
          [...statuses].map(([status, value]) => ({
            labels: { ...labelsOf(image), dialect, status: String(status) },
            value,
          })),
        ),
      ),
  );
  addCounter(
    registry,
    {
      name: 'sluice_rejections_total',
      help: 'Requests to an image that got no result, by the error code of their answer.',
      labelNames: [...imageLabels, 'reason'] as const,
    },
    () =>
      images().flatMap((image) =>
        [...image.meters.failures].map(([reason, value]) => ({
          labels: { ...labelsOf(image), reason },
          value,
        })),
      ),
  );
  addCounter(
    registry,
    {
      name: 'sluice_items_total',
      help: 'Items of the batches of answered requests.',
      labelNames: routeLabels,
    },
    () => byRoute(images, ({ items }) => items),
  );
}

function addDurations(registry: Registry, images: ObserveImages): void {
  const durations: [name: string, help: string, pick: (meters: RouteMeters) => BucketCounts][] = [
    ['request', 'An answered request from its arrival to the answer.', ({ total }) => total],
    ['queue', 'Time that an answered request waited for an engine, over all its runs.', ({ queue }) => queue],
    ['input', 'From the body of an answered request to tensors.', ({ input }) => input],
    [
      'compute',
      'Time that engines took for an answered request, over all its runs.',
      ({ compute }) => compute,
    ],
    ['output', 'From tensors to the answer.', ({ output }) => output],
  ];
  for (const [name, help, pick] of durations) {
    const description = { name: `sluice_${name}_duration_seconds`, help, labelNames: routeLabels };
    addHistogram(registry, description, () => byRoute(images, pick));
  }
}

function addExecutions(registry: Registry, images: ObserveImages): void {
  const histograms: [name: string, help: string, pick: (meters: ExecutionMeters) => BucketCounts][] = [
    ['sluice_batch_items', 'Items of one execution of the model.', ({ items }) => items],
    ['sluice_batch_requests', 'Requests that one execution of the model served.', ({ requests }) => requests],
    ['sluice_execution_duration_seconds', 'One execution of the model.', ({ compute }) => compute],
  ];
  for (const [name, help, pick] of histograms) {
    addHistogram(registry, { name, help, labelNames: routeLabels }, () => byExecution(images, pick));
  }
  addCounter(
    registry,
    {
      name: 'sluice_npu_execute_cycles_total',
      help: "Clocks of the NPU's EXECUTE unit.",
      labelNames: routeLabels,
    },
    () => byExecution(images, ({ npuCycles }) => npuCycles).filter(({ labels }) => labels.route !== 'cpu'),
  );
}

function addQueues(registry: Registry, images: ObserveImages): void {
  const gauges: [name: string, help: string, pick: (queue: ObservedQueue) => number][] = [
    ['depth', 'Requests that wait for an engine, or for a thread of the script.', ({ load }) => load.depth],
    ['running', 'Requests that an engine, or a thread of the script, computes.', ({ load }) => load.running],
    ['lanes', 'Threads or devices that take work from a queue.', ({ load }) => load.lanes],
  ];
  for (const [name, help, pick] of gauges) {
    addGauge(registry, { name: `sluice_queue_${name}`, help, labelNames: routeLabels }, () =>
      images().flatMap((image) =>
        image.queues.map((queue) => ({
          labels: { ...labelsOf(image), route: queue.route },
          value: pick(queue),
        })),
      ),
    );
  }
}

function addBreakers(registry: Registry, images: ObserveImages): void {
  const byBreaker = (pick: (breaker: { isOpen: boolean; openings: number }) => number) => () =>
    images().flatMap((image) =>
      [...image.meters.breakers].map(([route, breaker]) => ({
        labels: { ...labelsOf(image), route },
        value: pick(breaker),
      })),
    );
  addGauge(
    registry,
    {
      name: 'sluice_breaker_open',
      help: '1 while the circuit breaker keeps requests from a route, 0 after it closed again.',
      labelNames: routeLabels,
      aggregator: 'max',
    },
    byBreaker(({ isOpen }) => (isOpen ? 1 : 0)),
  );
  addCounter(
    registry,
    {
      name: 'sluice_breaker_openings_total',
      help: 'How often the circuit breaker of a route opened.',
      labelNames: routeLabels,
    },
    byBreaker(({ openings }) => openings),
  );
}

function addShadows(registry: Registry, images: ObserveImages): void {
  type Shadow = ObservedImage['meters']['shadow'];
  const counters: [name: string, help: string, pick: (shadow: Shadow) => number][] = [
    ['runs', 'Answers that were computed on the other route too and compared.', ({ runs }) => runs],
    ['differing_runs', 'Compared answers that were not equal.', ({ differingRuns }) => differingRuns],
    ['bytes', 'Bytes that were compared.', ({ bytes }) => bytes],
    ['differing_bytes', 'Compared bytes that were not equal.', ({ differingBytes }) => differingBytes],
  ];
  for (const [name, help, pick] of counters) {
    const description = { name: `sluice_shadow_${name}_total`, help, labelNames: imageLabels };
    addCounter(registry, description, () =>
      images().map((image) => ({ labels: labelsOf(image), value: pick(image.meters.shadow) })),
    );
  }
}

function labelsOf({ model, version }: ObservedImage): Record<ImageLabel, string> {
  return { model, version };
}

function byRoute<Value>(
  images: ObserveImages,
  pick: (meters: RouteMeters) => Value,
): Sample<RouteLabel, Value>[] {
  return images().flatMap((image) =>
    [...image.meters.routes].map(([route, meters]) => ({
      labels: { ...labelsOf(image), route },
      value: pick(meters),
    })),
  );
}

function byExecution<Value>(
  images: ObserveImages,
  pick: (meters: ExecutionMeters) => Value,
): Sample<RouteLabel, Value>[] {
  return images().flatMap((image) =>
    [...image.meters.executions].map(([route, meters]) => ({
      labels: { ...labelsOf(image), route },
      value: pick(meters),
    })),
  );
}
