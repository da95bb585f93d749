import type { FastifyInstance } from 'fastify';
import { parserOf } from '../../base/validate.ts';
import { AddDevice, type AddedDevice } from '../../contract/workspace-api.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { pathName } from './parsing.ts';
import { deviceView } from './views.ts';

const addParser = parserOf(AddDevice, { what: 'body', code: 'invalid_request' });

/** `/devices`: add, list, show, remove, and a new token for one that lost its own. */
export function deviceRoutes(app: FastifyInstance, options: { fleet: Fleet }): void {
  const { fleet } = options;
  app.get('/devices', async () => ({ items: fleet.list().map(deviceView) }));
  app.post('/devices', async (request, reply) => {
    const { device, token } = fleet.add(addParser.parse(request.body).name);
    const added: AddedDevice = { device: deviceView(device), token };
    return reply.status(201).send(added);
  });
  app.get('/devices/:name', async (request) => deviceView(fleet.get(pathName(request.params))));
  app.delete('/devices/:name', async (request, reply) => {
    fleet.remove(pathName(request.params));
    return reply.status(204).send();
  });
  app.post('/devices/:name/token', async (request): Promise<AddedDevice> => {
    const { device, token } = fleet.replaceToken(pathName(request.params));
    return { device: deviceView(device), token };
  });
}
