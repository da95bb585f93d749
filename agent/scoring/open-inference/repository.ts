import Type from '#typebox';
import { parserOf } from '../../../base/validate.ts';
import { SluiceError } from '../../../contract/errors.ts';
import { authorise } from '../authorise.ts';
import type { Deployments } from '../deployments.ts';
import type { Endpoints } from '../endpoints.ts';
import { unknownModel } from '../find-model.ts';
import type { Peers } from '../peers.ts';

/** Body of `POST /v2/repository/index`; it may be empty. */
const IndexRequest = Type.Object({ ready: Type.Optional(Type.Boolean()) });
const parser = parserOf(IndexRequest, { what: 'repository index request', code: 'invalid_request' });

/** Answer of `POST /v2/repository/index`: every deployment that may be seen, or with `ready` those that answer. */
export function repositoryIndex(
  body: unknown,
  { deployments, isVisible }: { deployments: Deployments; isVisible: (deployment: string) => boolean },
): object[] {
  const { ready = false } = parser.parse(body);
  const served = deployments.names.filter(isVisible).map((name) => ({
    name,
    version: String(deployments.get(name)?.version ?? ''),
    state: 'READY',
    reason: '',
  }));
  if (ready) return served;
  const parked = deployments.parkedNames
    .filter(isVisible)
    .map((name) => ({ name, state: 'UNAVAILABLE', reason: 'unloaded' }));
  return [...served, ...parked];
}

/**
 * Takes a deployment out of service until it is loaded again, or puts it back. What is deployed is the workspace's to
 * say: this lasts until then, or until the process starts anew. Of several scoring processes all do it.
 * `authorization` is the header of that name. Throws `unauthorized`, `forbidden` where the device does not allow it,
 * `unknown_model`, or what loading the image throws.
 */
export async function controlModel(
  name: string,
  action: 'load' | 'unload',
  options: {
    authorization: string | undefined;
    deployments: Deployments;
    endpoints: Endpoints;
    peers: Peers | undefined;
    isAllowed: boolean;
  },
): Promise<void> {
  const { authorization, deployments, endpoints, peers, isAllowed } = options;
  authorise(name, authorization, endpoints);
  if (!isAllowed) {
    throw new SluiceError(
      'forbidden',
      `model control is off on this device; start the agent with --allow-model-control to ${action} models here`,
    );
  }
  const isKnown = deployments.get(name) !== undefined || deployments.parkedNames.includes(name);
  if (!isKnown) throw unknownModel(name, authorization, options);
  if (peers !== undefined) await peers.controlModel(name, action);
  else await (action === 'load' ? deployments.unpark(name) : deployments.park(name));
}
