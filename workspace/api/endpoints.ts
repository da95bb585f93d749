import type { FastifyInstance } from 'fastify';
import Type from '#typebox';
import { parserOf } from '../../base/validate.ts';
import {
  type ChangedEndpoint,
  type Endpoint,
  type EndpointKeys,
  KeySlot,
  PutEndpoint,
  type RotatedKey,
} from '../../contract/workspace-api.ts';
import { dividedShares } from '../deployments/endpoint-shares.ts';
import type { Endpoints } from '../deployments/endpoints.ts';
import type { EndpointRecord } from '../storage/endpoints.ts';
import { pathName } from './parsing.ts';

const putParser = parserOf(PutEndpoint, { what: 'body', code: 'invalid_request' });
const slotParser = parserOf(Type.Object({ slot: KeySlot }), { what: 'path', code: 'invalid_name' });

/** `/endpoints`: put, list, show, remove, and their keys. */
export function endpointRoutes(app: FastifyInstance, { endpoints }: { endpoints: Endpoints }): void {
  const view = (endpoint: EndpointRecord): Endpoint => ({
    name: endpoint.name,
    auth: endpoint.keys === null ? 'none' : 'key',
    ...dividedShares(endpoint.shares),
    devices: endpoints.devicesOf(endpoint.name),
    createdAt: endpoint.createdAt,
    updatedAt: endpoint.updatedAt,
  });
  app.get('/endpoints', async () => ({ items: endpoints.list().map(view) }));
  app.get('/endpoints/:name', async (request) => view(endpoints.get(pathName(request.params))));
  app.put('/endpoints/:name', async (request, reply) => {
    const name = pathName(request.params);
    const { endpoint, keys, created } = endpoints.put(name, putParser.parse(request.body));
    const changed: ChangedEndpoint = { endpoint: view(endpoint), keys };
    return reply.status(created ? 201 : 200).send(changed);
  });
  app.delete('/endpoints/:name', async (request, reply) => {
    endpoints.remove(pathName(request.params));
    return reply.status(204).send();
  });
  app.get('/endpoints/:name/keys', async (request): Promise<EndpointKeys> => {
    const { keys } = endpoints.get(pathName(request.params));
    return { primary: keys?.primary.createdAt ?? null, secondary: keys?.secondary.createdAt ?? null };
  });
  app.post('/endpoints/:name/keys/:slot', async (request): Promise<RotatedKey> => {
    const endpoint = pathName(request.params);
    const { slot } = slotParser.parse(request.params);
    return { endpoint, slot, ...endpoints.rotateKey(endpoint, slot) };
  });
}
