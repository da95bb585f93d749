import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SluiceError } from '../../../contract/errors.ts';
import { keyGate } from '../authorise.ts';
import { addRoute, type Handler } from '../routes.ts';
import { type Choose, chooseDeployment, deploymentOfPath } from './choose-deployment.ts';
import { type ScoreOptions, scoreHandler } from './score.ts';
import { type SwaggerVersion, swaggerOf, swaggerVersions } from './swagger.ts';

/**
 * Adds the routes of Azure ML's inference server: `/`, `/score`, `/swagger.json`, and the last two below
 * `/api/v1/service/{name}` for an endpoint or a deployment by name.
 */
export function addAzureRoutes(app: FastifyInstance, options: ScoreOptions): void {
  addRoute(app, '/', {
    GET: async (_request, reply) => {
      void reply.type('text/plain; charset=utf-8');
      return 'Healthy';
    },
  });
  const bases: [string, Choose][] = [
    ['', chooseDeployment],
    ['/api/v1/service/:service', deploymentOfPath],
  ];
  for (const [base, choose] of bases) {
    const score = scoreHandler(options, choose);
    const gate = keyGate(options.endpoints, (request) => choose(request, options, 'describe'));
    addRoute(app, `${base}/score`, { GET: score, POST: score }, gate);
    addRoute(app, `${base}/swagger.json`, { GET: swaggerHandler(options, choose) });
  }
}

function swaggerHandler(options: ScoreOptions, choose: Choose): Handler {
  return async (request, reply) => {
    const version = versionOf(request);
    const { name, image } = choose(request, options, 'describe');
    const schemas = image.script?.schemas;
    if (schemas !== undefined && schemas.input === undefined && schemas.output === undefined) {
      throw new SluiceError(
        'not_found',
        `deployment ${name}: its scoring script exports neither inputSchema nor outputSchema`,
      );
    }
    const path = new URL(request.url, 'http://localhost').pathname.replace(/swagger\.json$/, 'score');
    void reply.type('application/json; charset=utf-8');
    return JSON.stringify(swaggerOf({ deployment: name, image, path, version }));
  };
}

function versionOf(request: FastifyRequest): SwaggerVersion {
  const { version = '2' } = request.query as { version?: string | string[] };
  const known = swaggerVersions.find((each) => each === version);
  if (known !== undefined) return known;
  throw new SluiceError(
    'invalid_request',
    `query version: ${JSON.stringify(version).slice(0, 40)}; ${swaggerVersions.join(', ')} expected`,
  );
}
