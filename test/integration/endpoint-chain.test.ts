import { describe, expect, it } from 'vitest';
import type { ChangedEndpoint, Endpoint, Image, Model, RotatedKey } from '../../contract/workspace-api.ts';
import { LocalDevice } from '../support/local-device.ts';
import { temporaryFolder } from '../support/paths.ts';
import { identityModel } from '../support/serving-models.ts';
import { eventually, type RunningWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

const body = JSON.stringify({ data: [[1, 2, 3]] });

/** A client of the endpoint `shop` of a device. */
class Shop {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Who answered, or the status of who did not. */
  async score(key: string | undefined, headers: Record<string, string> = {}): Promise<string> {
    const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const url = `${this.#url}/api/v1/service/shop/score`;
    const answer = await fetch(url, { method: 'POST', body, headers: { ...authorization, ...headers } });
    await answer.arrayBuffer();
    return answer.ok ? (answer.headers.get('azureml-model-deployment') ?? '') : String(answer.status);
  }

  async scoreOften(count: number, key: string): Promise<Set<string>> {
    return new Set(await Promise.all(Array.from({ length: count }, () => this.score(key))));
  }

  async mirrored(key: string, deployment: string): Promise<number> {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await fetch(`${this.#url}/v2/models/${deployment}/stats`, { headers });
    const stats = (await answer.json()) as { model_stats: { mirror_stats: { succeeded: number } }[] };
    return stats.model_stats[0]?.mirror_stats.succeeded ?? 0;
  }
}

/** Clients that score without a pause, all with one key. */
class Clients {
  readonly #shop: Shop;
  readonly #seen = new Set<string>();
  readonly #counts = [0, 0, 0];
  readonly #running: Promise<void>[];
  #key: string;
  #isStopped = false;

  constructor(shop: Shop, key: string) {
    this.#shop = shop;
    this.#key = key;
    this.#running = this.#counts.map((_, index) => this.#run(index));
  }

  /** Goes over to another key; resolves when no request with the old one is under way. */
  async use(key: string): Promise<void> {
    this.#key = key;
    const before = [...this.#counts];
    await eventually(() => this.#counts.every((count, index) => count > (before[index] ?? 0)));
  }

  /** Whoever answered them, and the status of who did not. */
  async stop(): Promise<Set<string>> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    return this.#seen;
  }

  async #run(index: number): Promise<void> {
    while (!this.#isStopped) {
      this.#seen.add(await this.#shop.score(this.#key));
      this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    }
  }
}

async function change(workspace: RunningWorkspace, request: object): Promise<ChangedEndpoint> {
  const changed = await workspace.expect<ChangedEndpoint>('PUT', '/endpoints/shop', request);
  await inForce(workspace);
  return changed;
}

async function inForce(workspace: RunningWorkspace): Promise<void> {
  await eventually(async () => {
    const { devices } = await workspace.expect<Endpoint>('GET', '/endpoints/shop');
    return devices.every(({ upToDate }) => upToDate);
  });
}

async function rotate(workspace: RunningWorkspace, slot: string): Promise<string> {
  const { key } = await workspace.expect<RotatedKey>('POST', `/endpoints/shop/keys/${slot}`);
  await inForce(workspace);
  return key;
}

async function buildImage(workspace: RunningWorkspace): Promise<Image> {
  const file = await workspace.upload(identityModel(['INT32']));
  await workspace.expect<Model>('POST', '/models', { name: 'small', file });
  return workspace.expect<Image>('POST', '/images', { name: 'small', model: 'small:1' });
}

describe('an endpoint, from the workspace to the device', () => {
  it('splits, mirrors, asks for keys, and renews them without a refused request', async () => {
    const workspace = await startWorkspace();
    await buildImage(workspace);
    const { token } = await workspace.addDevice('edge');
    const made = await workspace.expect<ChangedEndpoint>('PUT', '/endpoints/shop', {
      traffic: {},
      auth: 'key',
    });
    if (made.keys === null) return expect.unreachable();
    for (const name of ['blue', 'green']) {
      const request = { image: 'small:1', devices: ['edge'], endpoint: 'shop' };
      await workspace.expect('PUT', `/deployments/${name}`, request);
    }
    const stateFolder = temporaryFolder();
    const start = { device: 'edge', npu: null, stateFolder };
    const device = await LocalDevice.start({ ...start, workspaceUrl: workspace.addresses.apiUrl, token });
    for (const name of ['blue', 'green'])
      await device.next('serving', ({ deployment }) => deployment === name);
    const shop = new Shop(await device.url());
    let { primary, secondary } = made.keys;

    expect(await shop.score(undefined)).toBe('401');
    expect(await shop.score(primary)).toBe('404');
    await change(workspace, { traffic: { blue: 50, green: 50 } });
    // The odds that one of them gets none of 64 are 1 to 2^63.
    expect(await shop.scoreOften(64, primary)).toEqual(new Set(['blue', 'green']));
    expect(await shop.score(secondary, { 'azureml-model-deployment': 'green' })).toBe('green');

    await change(workspace, { traffic: { blue: 100 }, mirror: { green: 50 } });
    const copies = async () => shop.mirrored(primary, 'green');
    await eventually(async () => {
      expect(await shop.scoreOften(1, primary)).toEqual(new Set(['blue']));
      return (await copies()) > 0;
    });

    const clients = new Clients(shop, primary);
    const old = { primary, secondary };
    secondary = await rotate(workspace, 'secondary');
    await clients.use(secondary);
    primary = await rotate(workspace, 'primary');
    await clients.use(primary);
    expect(await shop.score(secondary)).toBe('blue');
    expect(await clients.stop()).toEqual(new Set(['blue']));
    expect([await shop.score(old.primary), await shop.score(old.secondary)]).toEqual(['401', '401']);

    // Without its workspace, after a restart, all of it is as it was.
    await device.stop();
    await workspace.stop();
    const alone = await LocalDevice.start(start);
    await alone.next('serving', ({ deployment }) => deployment === 'blue');
    const restarted = new Shop(await alone.url());
    expect(await restarted.score(undefined)).toBe('401');
    expect(await restarted.score(old.primary)).toBe('401');
    expect(await restarted.score(primary)).toBe('blue');
  });
});
