import type { FastifyInstance } from 'fastify';
import { parserOf } from '../../base/validate.ts';
import { PutDeployment } from '../../contract/workspace-api.ts';
import type { Deployments } from '../deployments/deployments.ts';
import type { ImageRegistry } from '../registry/image-registry.ts';
import { pathName } from './parsing.ts';
import { deploymentView } from './views.ts';

const putParser = parserOf(PutDeployment, { what: 'body', code: 'invalid_request' });

/** `/deployments`: put, list, show, remove. */
export function deploymentRoutes(
  app: FastifyInstance,
  options: { deployments: Deployments; images: ImageRegistry },
): void {
  const { deployments, images } = options;
  app.get('/deployments', async () => ({
    items: deployments.list().map((deployment) => deploymentView(deployment, images)),
  }));
  app.get('/deployments/:name', async (request) =>
    deploymentView(deployments.get(pathName(request.params)), images),
  );
  app.put('/deployments/:name', async (request, reply) => {
    const name = pathName(request.params);
    const { deployment, created } = deployments.put(name, putParser.parse(request.body));
    return reply.status(created ? 201 : 200).send(deploymentView(deployment, images));
  });
  app.delete('/deployments/:name', async (request, reply) => {
    deployments.remove(pathName(request.params));
    return reply.status(204).send();
  });
}
