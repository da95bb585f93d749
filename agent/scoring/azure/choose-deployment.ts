import type { FastifyRequest } from 'fastify';
import { SluiceError } from '../../../contract/errors.ts';
import type { Deployments } from '../deployments.ts';
import type { FoundModel } from '../find-model.ts';
import { singleHeader } from '../request-context.ts';

/** Headers that pin a deployment; ours first. */
const deploymentHeaders = ['x-sluice-deployment', 'azureml-model-deployment'] as const;

/** The one deployment, or the one that a header pins. Throws `not_ready`, `unknown_model` or `invalid_request`. */
export function chooseDeployment(request: FastifyRequest, deployments: Deployments): FoundModel {
  for (const header of deploymentHeaders) {
    const name = singleHeader(request, header);
    if (name !== undefined) return requireDeployment(name, deployments);
  }
  const [only, ...others] = deployments.names;
  if (only === undefined) throw new SluiceError('not_ready', 'no deployment is served here yet');
  if (others.length > 0) {
    throw new SluiceError(
      'invalid_request',
      `/score: several deployments are served here (${deployments.names.join(', ')}); name one in the header x-sluice-deployment`,
    );
  }
  return requireDeployment(only, deployments);
}

/** The deployment of a path `/api/v1/service/{name}/…`. Throws `not_ready` and `unknown_model`. */
export function deploymentOfPath(request: FastifyRequest, deployments: Deployments): FoundModel {
  const { service } = request.params as { service: string };
  return requireDeployment(service, deployments);
}

function requireDeployment(name: string, deployments: Deployments): FoundModel {
  const image = deployments.get(name);
  if (image !== undefined) return { name, image };
  if (deployments.names.length === 0) throw new SluiceError('not_ready', 'no deployment is served here yet');
  throw new SluiceError(
    'unknown_model',
    `deployment ${JSON.stringify(name)} is not served here; served: ${deployments.names.join(', ')}`,
  );
}
