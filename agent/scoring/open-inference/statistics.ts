import type { Deployments } from '../deployments.ts';
import type { FoundModel } from '../find-model.ts';
import { noDuration } from '../inference-statistics.ts';
import type { Peers } from '../peers.ts';
import { addStatistics } from './add-statistics.ts';

/** What is told of one model. */
export interface ModelStatistics {
  name: string;
  version: string;
  [field: string]: unknown;
}

/**
 * Answer of `GET /v2/models/{name}/stats`, or of several, in Triton's form; there is no cache to hit. What other
 * scoring processes count is added. Throws `not_ready` when one of them does not tell it in time.
 */
export async function modelStatistics(models: readonly FoundModel[], peers?: Peers): Promise<object> {
  const others = (await peers?.statistics(models.map(({ name }) => name))) ?? [];
  // Counted after the wait, so that this process is not behind the others.
  return { model_stats: addStatistics(models.map(statisticsOf), others.flat()) };
}

/** What this process alone counts; names without a model are passed over. */
export function statisticsOfAll(names: readonly string[], deployments: Deployments): ModelStatistics[] {
  return names.flatMap((name) => {
    const image = deployments.get(name);
    return image === undefined ? [] : [statisticsOf({ name, image })];
  });
}

function statisticsOf({ name, image }: FoundModel): ModelStatistics {
  const { statistics } = image;
  return {
    name,
    version: String(image.version),
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.inferenceCount,
    execution_count: image.meters.executionCount,
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
