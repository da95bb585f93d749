import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { DesiredEndpoint } from '../../contract/messages.ts';
import type { Name } from '../../contract/names.ts';
import type { PutEndpoint } from '../../contract/workspace-api.ts';
import type { EndpointRecord, Share } from '../storage/endpoints.ts';

/**
 * The shares of an endpoint's deployments after a change: those that it does not name stay, with none, because
 * leaving the endpoint would take them from behind its keys. Throws `invalid_request` for percentages that do
 * not sum up, or live traffic and copies for one deployment, and `limit_exceeded`.
 */
export function sharesAfter(
  current: ReadonlyMap<Name, Share>,
  { traffic, mirror = {} }: Pick<PutEndpoint, 'traffic' | 'mirror'>,
): Map<Name, Share> {
  const given = [traffic, mirror].map((shares) => new Map(Object.entries(shares)));
  const [live, copies] = given as [Map<Name, number>, Map<Name, number>];
  checkSums(sum(live), sum(copies));
  const names = [...new Set([...current.keys(), ...live.keys(), ...copies.keys()])].sort();
  const shares = new Map<Name, Share>();
  for (const name of names) {
    const share = { traffic: live.get(name) ?? 0, mirror: copies.get(name) ?? 0 };
    if (share.traffic > 0 && share.mirror > 0) {
      throw new SluiceError(
        'invalid_request',
        `deployment ${name}: ${share.traffic}% of the traffic and ${share.mirror}% of copies; it may get one of them`,
      );
    }
    shares.set(name, share);
  }
  return checkCount(shares);
}

/** The same with one more deployment, which gets nothing yet. Throws `limit_exceeded`. */
export function sharesWith(current: ReadonlyMap<Name, Share>, deployment: Name): Map<Name, Share> {
  return checkCount(new Map([...current, [deployment, { traffic: 0, mirror: 0 }]]));
}

function checkCount(shares: Map<Name, Share>): Map<Name, Share> {
  if (shares.size <= limits.endpointDeploymentsMax) return shares;
  throw new SluiceError(
    'limit_exceeded',
    `endpoint: ${shares.size} deployments, at most ${limits.endpointDeploymentsMax} allowed`,
  );
}

function checkSums(live: number, copies: number): void {
  if (live !== 100 && live !== 0) {
    throw new SluiceError('invalid_request', `traffic: sums to ${live}%; 100 expected, or 0 for none`);
  }
  if (copies > limits.mirrorPercentMax) {
    throw new SluiceError(
      'invalid_request',
      `mirror: sums to ${copies}%; at most ${limits.mirrorPercentMax} allowed`,
    );
  }
}

function sum(shares: ReadonlyMap<Name, number>): number {
  return [...shares.values()].reduce((total, share) => total + share, 0);
}

/** Shares as the API and devices see them: each deployment stands either in `traffic` or in `mirror`. */
export function dividedShares(shares: ReadonlyMap<Name, Share>): {
  traffic: Record<Name, number>;
  mirror: Record<Name, number>;
} {
  const entries = [...shares];
  const isCopied = ([, { mirror }]: [Name, Share]): boolean => mirror > 0;
  return {
    traffic: Object.fromEntries(
      entries.filter((entry) => !isCopied(entry)).map(([name, { traffic }]) => [name, traffic]),
    ),
    mirror: Object.fromEntries(entries.filter(isCopied).map(([name, { mirror }]) => [name, mirror])),
  };
}

/** The endpoints of a device that runs these deployments: of each what concerns it, and no more. */
export function desiredEndpoints(
  endpoints: readonly EndpointRecord[],
  deployments: ReadonlySet<Name>,
): DesiredEndpoint[] {
  return endpoints.flatMap(({ name, shares, keys }) => {
    const here = new Map([...shares].filter(([deployment]) => deployments.has(deployment)));
    if (here.size === 0) return [];
    const hashes = keys === null ? null : { primary: keys.primary.hash, secondary: keys.secondary.hash };
    return [{ name, ...dividedShares(here), keys: hashes }];
  });
}
