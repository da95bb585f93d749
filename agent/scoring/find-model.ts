import type { FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import type { Name } from '../../contract/names.ts';
import { authorise, authoriseEndpoint, isAuthorised } from './authorise.ts';
import type { Deployments } from './deployments.ts';
import type { Endpoint, Endpoints } from './endpoints.ts';
import type { ServedImage } from './served-image.ts';
import { chooseByShare } from './traffic-split.ts';

/** Who may answer a request, and the dice. */
export interface ModelSource {
  deployments: Deployments;
  endpoints: Endpoints;
  /** From 0 up to 1. */
  random: () => number;
}

/** A deployment with the image that answers for it. */
export interface FoundModel {
  name: Name;
  image: ServedImage;
  /** The endpoint that chose the deployment; absent when the request named it. */
  splitBy?: Endpoint;
}

/** Whether one answer or none is due: to describe, an endpoint's largest deployment stands for it. */
export type Purpose = 'run' | 'describe';

/**
 * The deployment of a path, or one of the endpoint's of that name. Throws `unknown_model`, in the words that
 * clients of Triton look for, `not_ready` for one that was unloaded, `unauthorized`, and `no_traffic`.
 */
export function findModel(request: FastifyRequest, source: ModelSource, purpose: Purpose): FoundModel {
  const { model: name, version } = request.params as { model: string; version?: string };
  const { authorization } = request.headers;
  return findByName({ name, version, authorization, purpose }, source);
}

/** The same by name and, if given, version. `authorization` is the header of that name. */
export function findByName(
  asked: {
    name: string;
    version: string | undefined;
    authorization: string | undefined;
    purpose: Purpose;
  },
  source: ModelSource,
): FoundModel {
  const { name, version, authorization, purpose } = asked;
  const { deployments, endpoints } = source;
  const image = deployments.get(name);
  const endpoint = endpoints.get(name);
  if (image === undefined && endpoint !== undefined && !deployments.parkedNames.includes(name)) {
    authoriseEndpoint(endpoint, authorization);
    return chooseOf(endpoint, { source, version, purpose });
  }
  authorise(name, authorization, endpoints);
  if (image === undefined) throw unknownModel(name, authorization, source);
  if (version !== undefined && version !== String(image.version)) {
    throw new SluiceError(
      'unknown_model',
      `Request for unknown model: ${JSON.stringify(name)} version ${JSON.stringify(version)} is not found; ` +
        `served here: version ${image.version}`,
    );
  }
  return { name, image };
}

/**
 * One of an endpoint's deployments, as its traffic says, of those that are served and, if one is asked for, have
 * that version. Whoever asks is authorised. Throws `no_traffic`, and `not_ready` or `unknown_model` when nobody with
 * traffic is there.
 */
export function chooseOf(
  endpoint: Endpoint,
  { source, version, purpose }: { source: ModelSource; version?: string | undefined; purpose: Purpose },
): FoundModel {
  const { deployments, random } = source;
  const isThere = (deployment: Name): boolean => {
    const image = deployments.get(deployment);
    return image !== undefined && (version === undefined || version === String(image.version));
  };
  const name = chooseByShare(endpoint.traffic, isThere, purpose === 'run' ? random : undefined);
  const image = name === undefined ? undefined : deployments.get(name);
  if (name !== undefined && image !== undefined) return { name, image, splitBy: endpoint };
  if (![...endpoint.traffic.values()].some((share) => share > 0)) {
    throw new SluiceError(
      'no_traffic',
      `endpoint ${endpoint.name}: none of its deployments here gets traffic`,
    );
  }
  const text = `endpoint ${endpoint.name}: none of its deployments with traffic is served here`;
  if (version === undefined) throw new SluiceError('not_ready', text);
  throw new SluiceError('unknown_model', `${text} in version ${JSON.stringify(version)}`);
}

/** Which deployments whoever asks may see in lists: those that would answer. `authorization` is the header of that name. */
export function visibleNames(
  authorization: string | undefined,
  endpoints: Endpoints,
): (deployment: Name) => boolean {
  return (deployment) => isAuthorised(endpoints.ofDeployment(deployment), authorization);
}

/** Those of them that are served. */
export function visibleModels(
  authorization: string | undefined,
  { deployments, endpoints }: ModelSource,
): FoundModel[] {
  return deployments.names.filter(visibleNames(authorization, endpoints)).flatMap((name) => {
    const image = deployments.get(name);
    return image === undefined ? [] : [{ name, image }];
  });
}

/** The error for a name that has no image. It lists what whoever asks may see. */
export function unknownModel(
  name: string,
  authorization: string | undefined,
  { deployments, endpoints }: Pick<ModelSource, 'deployments' | 'endpoints'>,
): SluiceError {
  if (deployments.parkedNames.includes(name)) {
    return new SluiceError('not_ready', `model ${JSON.stringify(name)} is unloaded; load it first`);
  }
  const served = deployments.names.filter(visibleNames(authorization, endpoints)).join(', ') || 'nothing';
  return new SluiceError(
    'unknown_model',
    `Request for unknown model: ${JSON.stringify(name)} is not found; served here: ${served}`,
  );
}
