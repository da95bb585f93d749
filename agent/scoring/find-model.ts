import type { FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import type { Deployments } from './deployments.ts';
import type { ServedImage } from './served-image.ts';

/** A deployment with the image that answers for it. */
export interface FoundModel {
  name: string;
  image: ServedImage;
}

/**
 * The deployment of a path. Throws `unknown_model`, in the words that clients of Triton look for, and
 * `not_ready` for one that was unloaded.
 */
export function findModel(request: FastifyRequest, deployments: Deployments): FoundModel {
  const { model: name, version } = request.params as { model: string; version?: string };
  return findByName(version === undefined ? { name } : { name, version }, deployments);
}

/** The same by name and, if given, version. */
export function findByName(
  { name, version }: { name: string; version?: string },
  deployments: Deployments,
): FoundModel {
  const image = deployments.get(name);
  if (image === undefined) throw unknownModel(name, deployments);
  if (version !== undefined && version !== String(image.version)) {
    throw new SluiceError(
      'unknown_model',
      `Request for unknown model: ${JSON.stringify(name)} version ${JSON.stringify(version)} is not found; ` +
        `served here: version ${image.version}`,
    );
  }
  return { name, image };
}

/** The error for a name that has no image. */
export function unknownModel(name: string, deployments: Deployments): SluiceError {
  if (deployments.parkedNames.includes(name)) {
    return new SluiceError('not_ready', `model ${JSON.stringify(name)} is unloaded; load it first`);
  }
  const served = deployments.names.join(', ') || 'nothing';
  return new SluiceError(
    'unknown_model',
    `Request for unknown model: ${JSON.stringify(name)} is not found; served here: ${served}`,
  );
}
