import type { FoundModel } from '../find-model.ts';
import { noDuration } from '../inference-statistics.ts';

/** Answer of `GET /v2/models/{name}/stats`, or of several, in Triton's form, and what was mirrored to it besides; there is no cache to hit. */
export function modelStatistics(models: readonly FoundModel[]): object {
  return { model_stats: models.map(statisticsOf) };
}

function statisticsOf({ name, image }: FoundModel): object {
  const { statistics } = image;
  return {
    name,
    version: String(image.version),
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: statistics.success,
      fail: statistics.fail,
      queue: statistics.queue,
      compute_input: statistics.computeInput,
      compute_infer: statistics.computeInfer,
      compute_output: statistics.computeOutput,
      cache_hit: noDuration(),
      cache_miss: noDuration(),
    },
    response_stats: {},
    batch_stats: [...statistics.batches].map(([size, { input, infer, output }]) => ({
      batch_size: size,
      compute_input: input,
      compute_infer: infer,
      compute_output: output,
    })),
    memory_usage: [],
    mirror_stats: image.mirrored,
    ...twoRoutes(image),
  };
}

/** Of an image with an NPU route, beside what Triton has: the breaker, and requests that ran on both routes. */
function twoRoutes({ router: { breaker, secondRuns } }: FoundModel['image']): object {
  return breaker === undefined ? {} : { sluice: { breaker, second_runs: secondRuns } };
}
