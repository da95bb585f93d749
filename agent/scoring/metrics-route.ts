import type { FastifyInstance } from 'fastify';
import type { Engine } from '../engines/engine.ts';
import type { ObservedImage, ObservedQueue } from '../observe/observed-image.ts';
import type { ScoringMetrics } from '../observe/scoring-metrics.ts';
import type { Deployments } from './deployments.ts';
import { addRoute } from './routes.ts';
import type { ServedImage } from './served-image.ts';

/** Adds `GET /metrics` in Prometheus's text format. */
export function addMetricsRoute(app: FastifyInstance, metrics: ScoringMetrics): void {
  addRoute(app, '/metrics', {
    GET: async (_request, reply) => {
      void reply.type(metrics.contentType);
      return metrics.scrape();
    },
  });
}

/** The images that are served now, as a scrape sees them. */
export function observedImages(deployments: Deployments): ObservedImage[] {
  return deployments.names.flatMap((model) => {
    const image = deployments.get(model);
    if (image === undefined) return [];
    const { version, digest, meters, statistics } = image;
    return [{ model, version: String(version), digest, meters, statistics, queues: queuesOf(image) }];
  });
}

function queuesOf({ router, script }: ServedImage): ObservedQueue[] {
  const queues = router.engines.flatMap(({ route, load }: Engine) =>
    load === undefined ? [] : [{ route, load }],
  );
  return script === undefined ? queues : [...queues, { route: 'script', load: script.load }];
}
