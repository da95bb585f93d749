import type { DesiredEndpoint } from '../../contract/messages.ts';
import type { Name } from '../../contract/names.ts';
import type { EndpointsWanted } from '../supervise/control-protocol.ts';

/** Percent of an endpoint's requests, by deployment. */
export type Shares = ReadonlyMap<Name, number>;

/** An endpoint of this device. */
export interface Endpoint {
  name: Name;
  /** Of those who answer; a deployment that stands here with 0 answers those who pin it. */
  traffic: Shares;
  /** Of those who get copies. */
  mirror: Shares;
  /** SHA-256 of each key that opens it; undefined when it asks for none. */
  keyHashes: readonly Uint8Array[] | undefined;
}

/** The endpoints of this device: which deployments stand behind which. */
export class Endpoints {
  #byName = new Map<Name, Endpoint>();
  #byDeployment = new Map<Name, Endpoint>();
  #leaving = new Map<Name, Endpoint>();

  /** Names, in the order of the desired document. */
  get names(): Name[] {
    return [...this.#byName.keys()];
  }

  /** Deployments that shall not run any more and are not known to be gone. */
  get leavingDeployments(): Name[] {
    return [...this.#leaving.keys()];
  }

  /** Whether any of them asks for a key. */
  get areKeyed(): boolean {
    return [this.#byName, this.#leaving].some((endpoints) =>
      [...endpoints.values()].some(({ keyHashes }) => keyHashes !== undefined),
    );
  }

  /** An endpoint by its name. */
  get(name: Name): Endpoint | undefined {
    return this.#byName.get(name);
  }

  /** The endpoint that a deployment stands behind. */
  ofDeployment(deployment: Name): Endpoint | undefined {
    return this.#byDeployment.get(deployment) ?? this.#leaving.get(deployment);
  }

  /**
   * Replaces all endpoints at once. A deployment that shall not run any more stays behind the endpoint that it
   * had until it is gone: its removal takes a while, and its keys must not end before.
   */
  configure({ endpoints, deployments }: Pick<EndpointsWanted, 'endpoints' | 'deployments'>): void {
    const wanted = new Set(deployments);
    const before = [...this.#leaving, ...this.#byDeployment];
    this.#leaving = new Map(before.filter(([deployment]) => !wanted.has(deployment)));
    const known = endpoints.map(readEndpoint);
    this.#byName = new Map(known.map((endpoint) => [endpoint.name, endpoint]));
    this.#byDeployment = new Map(
      known.flatMap((endpoint) =>
        [...endpoint.traffic.keys(), ...endpoint.mirror.keys()].map((name) => [name, endpoint] as const),
      ),
    );
  }

  /** A deployment that shall not run any more is gone. */
  forget(deployment: Name): void {
    this.#leaving.delete(deployment);
  }
}

function readEndpoint({ name, traffic, mirror, keys }: DesiredEndpoint): Endpoint {
  return {
    name,
    traffic: new Map(Object.entries(traffic)),
    mirror: new Map(Object.entries(mirror)),
    keyHashes:
      keys === null ? undefined : [keys.primary, keys.secondary].map((hash) => Buffer.from(hash, 'hex')),
  };
}
