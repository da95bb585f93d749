import type { FastifyRequest } from 'fastify';
import { SluiceError } from '../../../contract/errors.ts';
import { authorise, authoriseEndpoint, isAuthorised } from '../authorise.ts';
import { chooseOf, type FoundModel, type ModelSource, type Purpose, unknownModel } from '../find-model.ts';
import { singleHeader } from '../request-context.ts';

/** Headers that pin a deployment; ours first. */
const deploymentHeaders = ['x-sluice-deployment', 'azureml-model-deployment'] as const;

/** Finds who answers a request of the Azure dialect. */
export type Choose = (request: FastifyRequest, source: ModelSource, purpose: Purpose) => FoundModel;

/**
 * The deployment that a header pins, or one of the only endpoint's, or the only deployment. Throws `not_ready`,
 * `unknown_model`, `invalid_request`, `unauthorized` or `no_traffic`.
 */
export function chooseDeployment(request: FastifyRequest, source: ModelSource, purpose: Purpose): FoundModel {
  const pinned = pinnedDeployment(request);
  if (pinned !== undefined) return requireDeployment(pinned, request, source);
  const { deployments, endpoints } = source;
  if (deployments.names.length === 0) throw nothingServed();
  const apart = deployments.names.filter((name) => endpoints.ofDeployment(name) === undefined);
  const [only, ...others] = [...endpoints.names, ...apart];
  if (only === undefined) throw nothingServed();
  const { authorization } = request.headers;
  if (others.length > 0) {
    const visible = [only, ...others].filter((name) => isAuthorised(endpoints.get(name), authorization));
    const names = visible.length === 0 ? '' : ` (${visible.join(', ')})`;
    throw new SluiceError(
      'invalid_request',
      `/score: several are served here${names}; name one in the path, /api/v1/service/NAME/score, or a deployment in the header x-sluice-deployment`,
    );
  }
  const endpoint = endpoints.get(only);
  if (endpoint === undefined) return requireDeployment(only, request, source);
  authoriseEndpoint(endpoint, authorization);
  return chooseOf(endpoint, { source, purpose });
}

/**
 * The endpoint or deployment of a path `/api/v1/service/{name}/…`; of an endpoint, the deployment that a header
 * pins or that its traffic gives. Throws `not_ready`, `unknown_model`, `unauthorized` and `no_traffic`.
 */
export function deploymentOfPath(request: FastifyRequest, source: ModelSource, purpose: Purpose): FoundModel {
  const { service } = request.params as { service: string };
  const endpoint = source.endpoints.get(service);
  if (endpoint === undefined) return requireDeployment(service, request, source);
  authoriseEndpoint(endpoint, request.headers.authorization);
  const pinned = pinnedDeployment(request);
  if (pinned === undefined) return chooseOf(endpoint, { source, purpose });
  if (source.endpoints.ofDeployment(pinned) === endpoint) return requireDeployment(pinned, request, source);
  throw new SluiceError(
    'unknown_model',
    `deployment ${JSON.stringify(pinned)} is none of endpoint ${endpoint.name} on this device`,
  );
}

function pinnedDeployment(request: FastifyRequest): string | undefined {
  for (const header of deploymentHeaders) {
    const name = singleHeader(request, header);
    if (name !== undefined) return name;
  }
  return undefined;
}

function requireDeployment(
  name: string,
  request: FastifyRequest,
  { deployments, endpoints }: ModelSource,
): FoundModel {
  const { authorization } = request.headers;
  authorise(name, authorization, endpoints);
  const image = deployments.get(name);
  if (image !== undefined) return { name, image };
  if (deployments.names.length === 0) throw nothingServed();
  throw unknownModel(name, authorization, { deployments, endpoints });
}

function nothingServed(): SluiceError {
  return new SluiceError('not_ready', 'no deployment is served here yet');
}
