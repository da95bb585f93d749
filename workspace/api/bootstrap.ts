import type { FastifyInstance } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import type { DeviceBootstrap } from '../../contract/workspace-api.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { bearerToken } from './auth.ts';
import { pathName } from './parsing.ts';

/** What a device needs to know that is the same for all of them. */
export interface BootstrapFacts {
  workspace: string;
  epoch: string;
  trustedKeys: Record<string, string>;
  /** Address of the broker; `requestHost` is how the device reached this API. */
  mqttUrl: (requestHost: string) => string;
}

/** `/devices/:name/bootstrap`: how a device gets from its token to the broker. */
export function bootstrapRoutes(
  app: FastifyInstance,
  options: { fleet: Fleet; facts: BootstrapFacts },
): void {
  const { fleet, facts } = options;
  app.get('/devices/:name/bootstrap', async (request): Promise<DeviceBootstrap> => {
    const device = pathName(request.params);
    if (!fleet.authenticate(device, bearerToken(request))) {
      throw new SluiceError('unauthorized', `device ${device}: unknown, or the token is not its own`);
    }
    return {
      workspace: facts.workspace,
      device,
      mqttUrl: facts.mqttUrl(request.hostname),
      trustedKeys: facts.trustedKeys,
      epoch: facts.epoch,
    };
  });
}
