import type { FastifyInstance } from 'fastify';
import { parserOf } from '../../base/validate.ts';
import { RegisterModel } from '../../contract/workspace-api.ts';
import type { ModelRegistry } from '../registry/model-registry.ts';
import { pathReference } from './parsing.ts';

const registerParser = parserOf(RegisterModel, { what: 'body', code: 'invalid_request' });

/** `/models`: register, list, show. */
export function modelRoutes(app: FastifyInstance, options: { models: ModelRegistry }): void {
  const { models } = options;
  app.get('/models', async () => ({ items: models.list() }));
  app.post('/models', async (request, reply) => {
    const { model, created } = await models.register(registerParser.parse(request.body));
    return reply.status(created ? 201 : 200).send(model);
  });
  app.get('/models/:reference', async (request) => {
    const { name, version } = pathReference(request.params);
    return models.get(name, version);
  });
}
