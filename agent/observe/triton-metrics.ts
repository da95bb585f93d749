import type { Registry } from 'prom-client';
import type { ErrorCode } from '../../contract/errors.ts';
import type { DurationSum } from '../scoring/inference-statistics.ts';
import type { ObservedImage, ObserveImages } from './observed-image.ts';
import { addCounter, addGauge } from './pulled-metrics.ts';

// The names under which Triton Inference Server exports the statistics of its statistics extension (its user
// guide, chapter metrics). They are read from the same sums as `GET /v2/models/{name}/stats`.

const labelNames = ['model', 'version'] as const;
const nsPerUs = 1000;

/** Triton's reasons of failures. */
type TritonReason = 'REJECTED' | 'CANCELED' | 'BACKEND' | 'OTHER';

const rejected: ReadonlySet<ErrorCode> = new Set(['queue_full', 'deadline_unmet', 'deadline_passed']);
const backend: ReadonlySet<ErrorCode> = new Set([
  ...(['engine_failed', 'script_failed', 'script_timeout'] as const),
  ...(['device_unavailable', 'device_closed', 'device_timeout', 'device_fault'] as const),
]);

/** Triton's word for an error code. */
function tritonReason(code: ErrorCode): TritonReason {
  if (rejected.has(code)) return 'REJECTED';
  if (code === 'cancelled') return 'CANCELED';
  return backend.has(code) ? 'BACKEND' : 'OTHER';
}

/** Adds the `nv_inference_…` metrics. */
export function addTritonMetrics(registry: Registry, images: ObserveImages): void {
  const counters: [name: string, help: string, pick: (image: ObservedImage) => number][] = [
    [
      'request_success',
      'Requests that were answered with a result.',
      ({ statistics: { success } }) => success.count,
    ],
    ['count', 'Items of answered requests.', ({ statistics: { inferenceCount } }) => inferenceCount],
    ['exec_count', 'Executions of the model.', ({ meters }) => meters.executionCount],
    ['request_duration_us', 'Time of answered requests.', ({ statistics: { success } }) => usOf(success)],
    ['queue_duration_us', 'Time that answered requests waited.', ({ statistics: { queue } }) => usOf(queue)],
    [
      'compute_input_duration_us',
      'Time from bodies to tensors.',
      ({ statistics: { computeInput } }) => usOf(computeInput),
    ],
    [
      'compute_infer_duration_us',
      'Time of the engines.',
      ({ statistics: { computeInfer } }) => usOf(computeInfer),
    ],
    [
      'compute_output_duration_us',
      'Time from tensors to answers.',
      ({ statistics: { computeOutput } }) => usOf(computeOutput),
    ],
  ];
  for (const [name, help, pick] of counters) {
    addCounter(registry, { name: `nv_inference_${name}`, help, labelNames }, () =>
      images().map((image) => ({ labels: labelsOf(image), value: pick(image) })),
    );
  }
  addCounter(
    registry,
    {
      name: 'nv_inference_request_failure',
      help: 'Requests that got no result, by reason.',
      labelNames: [...labelNames, 'reason'] as const,
    },
    () =>
      images().flatMap((image) =>
        [...failuresByReason(image)].map(([reason, value]) => ({
          labels: { ...labelsOf(image), reason },
          value,
        })),
      ),
  );
  addGauge(
    registry,
    { name: 'nv_inference_pending_request_count', help: 'Requests that wait for an engine.', labelNames },
    () =>
      images().map((image) => ({
        labels: labelsOf(image),
        value: image.queues.reduce((sum, { load }) => sum + load.depth, 0),
      })),
  );
}

/** Several codes have one reason. */
function failuresByReason({ meters }: ObservedImage): Map<TritonReason, number> {
  const counts = new Map<TritonReason, number>();
  for (const [code, count] of meters.failures) {
    const reason = tritonReason(code);
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  return counts;
}

function labelsOf({ model, version }: ObservedImage): { model: string; version: string } {
  return { model, version };
}

function usOf({ ns }: DurationSum): number {
  return Math.floor(ns / nsPerUs);
}
