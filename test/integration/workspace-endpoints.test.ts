import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parserOf } from '../../base/validate.ts';
import type { DesiredDocument, DesiredEndpoint } from '../../contract/messages.ts';
import { deviceTopics } from '../../contract/topics.ts';
import { ChangedEndpoint, Endpoint, EndpointKeys, RotatedKey } from '../../contract/workspace-api.ts';
import { temporaryFolder } from '../support/paths.ts';
import { Inbox, type RunningWorkspace, runWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

const code = 'internal' as const;
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

/** State of a workspace with an image, built once. */
const template = await mkdtemp(join(tmpdir(), 'sluice-template-'));

beforeAll(async () => {
  const workspace = await runWorkspace({ stateFolder: template });
  await workspace.buildFashion();
  await workspace.stop();
});
afterAll(() => rm(template, { recursive: true }));

/** A workspace with one device that runs these deployments. */
async function workspaceWith(...names: string[]): Promise<{ workspace: RunningWorkspace; token: string }> {
  const stateFolder = temporaryFolder();
  await cp(template, stateFolder, { recursive: true });
  const workspace = await startWorkspace({ stateFolder });
  const { token } = await workspace.addDevice('one');
  for (const name of names) await deploy(workspace, name);
  return { workspace, token };
}

function deploy(workspace: RunningWorkspace, name: string, more: object = {}): Promise<unknown> {
  return workspace.expect('PUT', `/deployments/${name}`, { image: 'fashion:1', devices: ['one'], ...more });
}

/** The documents that the device gets, newest last. */
async function documentsOf(workspace: RunningWorkspace, token: string) {
  const client = await workspace.connect('one', token);
  const inbox = new Inbox(client);
  await client.subscribeAsync(deviceTopics({ workspace: 'local', device: 'one' }).desired, { qos: 1 });
  const open = (payload: Buffer): DesiredDocument => {
    const envelope = JSON.parse(payload.toString()) as { payload: string };
    return JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as DesiredDocument;
  };
  let seen = -1;
  const nextDocument = async (): Promise<DesiredDocument | undefined> => {
    const newest = () => inbox.messages.map(({ payload }) => open(payload)).at(-1);
    await inbox.until(() => (newest()?.version.generation ?? -1) > seen);
    const document = newest();
    seen = document?.version.generation ?? -1;
    return document;
  };
  return {
    nextDocument,
    /** The next generation's endpoints. */
    next: async (): Promise<DesiredEndpoint[] | undefined> => (await nextDocument())?.endpoints,
  };
}

describe('endpoints', () => {
  it('are made, changed, listed, shown and removed, in the form of the contract', async () => {
    const { workspace, token } = await workspaceWith('blue', 'green');
    const documents = await documentsOf(workspace, token);
    expect(await documents.next()).toBeUndefined();
    const made = await workspace.call('PUT', '/endpoints/shop', { traffic: { blue: 100 } });
    expect(made.status).toBe(201);
    const { endpoint, keys } = parserOf(ChangedEndpoint, { what: 'answer', code }).parse(made.body);
    expect(keys).toBeNull();
    expect(endpoint).toMatchObject({ name: 'shop', auth: 'none', traffic: { blue: 100 }, mirror: {} });
    expect(endpoint.devices).toEqual([{ name: 'one', upToDate: false }]);
    expect(await documents.next()).toEqual([
      { name: 'shop', traffic: { blue: 100 }, mirror: {}, keys: null },
    ]);

    const changed = await workspace.call('PUT', '/endpoints/shop', {
      traffic: { blue: 100 },
      mirror: { green: 10 },
    });
    expect(changed.status).toBe(200);
    expect(await documents.next()).toEqual([
      { name: 'shop', traffic: { blue: 100 }, mirror: { green: 10 }, keys: null },
    ]);
    const { items } = await workspace.expect<{ items: unknown[] }>('GET', '/endpoints');
    const shown = await workspace.expect('GET', '/endpoints/shop');
    parserOf(Endpoint, { what: 'answer', code }).parse(shown);
    expect(items).toEqual([shown]);
    expect(await workspace.expect('GET', '/endpoints/shop/keys')).toEqual({ primary: null, secondary: null });

    expect((await workspace.call('DELETE', '/endpoints/shop')).status).toBe(204);
    expect(await documents.next()).toBeUndefined();
    expect((await workspace.call('GET', '/endpoints/shop')).body).toMatchObject({ code: 'not_found' });
    expect((await workspace.call('DELETE', '/endpoints/shop')).status).toBe(404);
  });

  it('make keys that are shown once, kept as hashes, and replaced one at a time', async () => {
    const { workspace, token } = await workspaceWith('blue');
    const documents = await documentsOf(workspace, token);
    await documents.next();
    const put = () =>
      workspace.expect<ChangedEndpoint>('PUT', '/endpoints/shop', { traffic: { blue: 100 }, auth: 'key' });
    const { keys } = await put();
    if (keys === null) return expect.unreachable();
    expect(keys.primary).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(keys.secondary).not.toBe(keys.primary);
    const hashes = { primary: hashOf(keys.primary), secondary: hashOf(keys.secondary) };
    expect((await documents.next())?.[0]?.keys).toEqual(hashes);
    // Again, and without a word about keys: they stay, and are not shown.
    expect((await put()).keys).toBeNull();
    const quiet = await workspace.expect<ChangedEndpoint>('PUT', '/endpoints/shop', { traffic: {} });
    expect([quiet.endpoint.auth, quiet.keys]).toEqual(['key', null]);
    expect((await documents.next())?.[0]?.keys).toEqual(hashes);

    const rotated = parserOf(RotatedKey, { what: 'answer', code }).parse(
      await workspace.expect('POST', '/endpoints/shop/keys/secondary'),
    );
    expect(rotated).toMatchObject({ endpoint: 'shop', slot: 'secondary' });
    expect((await documents.next())?.[0]?.keys).toEqual({ ...hashes, secondary: hashOf(rotated.key) });
    const states = parserOf(EndpointKeys, { what: 'answer', code }).parse(
      await workspace.expect('GET', '/endpoints/shop/keys'),
    );
    expect(states.secondary).toBe(rotated.createdAt);
    const database = await readFile(join(workspace.stateFolder, 'workspace.db'));
    const log = await readFile(join(workspace.stateFolder, 'workspace.db-wal')).catch(() => Buffer.alloc(0));
    for (const key of [keys.primary, keys.secondary, rotated.key]) {
      expect(Buffer.concat([database, log]).includes(key)).toBe(false);
    }
    await workspace.expect('PUT', '/endpoints/shop', { traffic: {}, auth: 'none' });
    expect((await documents.next())?.[0]?.keys).toBeNull();
    expect((await workspace.call('POST', '/endpoints/shop/keys/primary')).body).toMatchObject({
      code: 'conflict',
    });
    expect((await workspace.call('POST', '/endpoints/shop/keys/third')).body).toMatchObject({
      code: 'invalid_name',
    });
  });

  it('take a deployment in from its first moment on', async () => {
    const { workspace, token } = await workspaceWith('blue');
    await workspace.expect('PUT', '/endpoints/shop', { traffic: { blue: 100 }, auth: 'key' });
    const documents = await documentsOf(workspace, token);
    await documents.next();
    await deploy(workspace, 'green', { endpoint: 'shop' });
    expect(await documents.next()).toMatchObject([{ name: 'shop', traffic: { blue: 100, green: 0 } }]);
    await deploy(workspace, 'green', { endpoint: 'shop' });
    const none = await workspace.call('PUT', '/deployments/red', {
      image: 'fashion:1',
      devices: ['one'],
      endpoint: 'no',
    });
    expect(none.body).toMatchObject({ code: 'not_found' });
    expect((await workspace.call('GET', '/deployments/red')).status).toBe(404);
  });

  it('hold on to their deployments while these get requests, and to their keys while they hide any', async () => {
    const { workspace } = await workspaceWith('blue', 'green');
    const put = (body: object) => workspace.expect('PUT', '/endpoints/shop', body);
    await put({ traffic: { blue: 100 }, mirror: { green: 10 }, auth: 'key' });
    for (const name of ['blue', 'green']) {
      expect((await workspace.call('DELETE', `/deployments/${name}`)).body).toMatchObject({
        code: 'conflict',
      });
    }
    await put({ traffic: { blue: 100 } });
    expect((await workspace.call('DELETE', '/deployments/green')).status).toBe(204);
    expect(await workspace.expect('GET', '/endpoints/shop')).toMatchObject({ traffic: { blue: 100 } });
    expect((await workspace.call('DELETE', '/endpoints/shop')).body).toMatchObject({ code: 'conflict' });
    await put({ traffic: {} });
    expect((await workspace.call('DELETE', '/deployments/blue')).status).toBe(204);
    expect((await workspace.call('DELETE', '/endpoints/shop')).status).toBe(204);
  });

  it('refuse what is no endpoint, and change nothing then', async () => {
    const { workspace } = await workspaceWith('blue', 'green', 'taken');
    await workspace.expect('PUT', '/endpoints/other', { traffic: { taken: 100 } });
    const cases: [string, string, object, string, number][] = [
      ['no body', 'shop', {}, 'invalid_request', 400],
      ['a sum of 99', 'shop', { traffic: { blue: 99 } }, 'invalid_request', 400],
      ['a fraction', 'shop', { traffic: { blue: 99.5, green: 0.5 } }, 'invalid_request', 400],
      ['a negative share', 'shop', { traffic: { blue: 110, green: -10 } }, 'invalid_request', 400],
      [
        'more copies than half',
        'shop',
        { traffic: { blue: 100 }, mirror: { green: 51 } },
        'invalid_request',
        400,
      ],
      [
        'live and mirrored at once',
        'shop',
        { traffic: { blue: 100 }, mirror: { blue: 5 } },
        'invalid_request',
        400,
      ],
      ['another auth', 'shop', { traffic: {}, auth: 'token' }, 'invalid_request', 400],
      ['a name that is none', 'a%2fb', { traffic: {} }, 'invalid_name', 400],
      ['a deployment that is none', 'shop', { traffic: { red: 100 } }, 'not_found', 404],
      ['a deployment of another', 'shop', { traffic: { taken: 100 } }, 'conflict', 409],
      ["another deployment's name", 'green', { traffic: { blue: 100 } }, 'conflict', 409],
    ];
    for (const [what, name, body, expected, status] of cases) {
      const answer = await workspace.call('PUT', `/endpoints/${name}`, body);
      expect({ what, ...answer }).toMatchObject({ what, status, body: { code: expected } });
    }
    expect((await workspace.expect<{ items: unknown[] }>('GET', '/endpoints')).items).toHaveLength(1);
  });

  it('may have the name of a deployment of theirs, and no other deployment may', async () => {
    const { workspace } = await workspaceWith('shop', 'blue');
    await workspace.expect('PUT', '/endpoints/shop', { traffic: { shop: 100 } });
    await deploy(workspace, 'shop');
    await workspace.expect('PUT', '/endpoints/green', { traffic: {} });
    const body = { image: 'fashion:1', devices: ['one'] };
    for (const more of [{}, { endpoint: 'shop' }]) {
      const taken = await workspace.call('PUT', '/deployments/green', { ...body, ...more });
      expect(taken.body).toMatchObject({ code: 'conflict' });
    }
    await deploy(workspace, 'green', { endpoint: 'green' });
  });
});

describe('what is collected of a deployment', () => {
  it('is told to its devices, stays until it is changed, and ends', async () => {
    const { workspace, token } = await workspaceWith('blue');
    const documents = await documentsOf(workspace, token);
    const first = await documents.nextDocument();
    const generation = first?.version.generation ?? 0;
    expect(Object.keys(first?.deployments[0] ?? {})).not.toContain('collect');
    const next = async () => {
      const document = await documents.nextDocument();
      return [(document?.version.generation ?? 0) - generation, document?.deployments[0]?.collect];
    };
    const put = (more: object) =>
      workspace.call('PUT', '/deployments/blue', { image: 'fashion:1', devices: ['one'], ...more });
    const collect = { collections: ['response', 'request'], samplingRate: 0.1 };
    const kept = { collections: ['request', 'response'], samplingRate: 0.1 };
    expect((await put({ collect })).body).toMatchObject({ collect: kept });
    expect(await next()).toEqual([1, kept]);
    // Nothing that changes, in another order or not at all: no new document.
    await put({ collect: { ...collect, samplingRate: 0.1 + 1e-12 } });
    await put({});
    expect((await put({ collect: { ...collect, samplingRate: 1 } })).body).toMatchObject({
      collect: { samplingRate: 1 },
    });
    expect(await next()).toEqual([2, { ...kept, samplingRate: 1 }]);
    for (const wrong of [
      { collections: [], samplingRate: 1 },
      { collections: ['request', 'request'], samplingRate: 1 },
      { collections: ['headers'], samplingRate: 1 },
      { collections: ['request'], samplingRate: 1.1 },
      { collections: ['request'], samplingRate: 0.00001 },
      { collections: ['request'] },
    ]) {
      expect((await put({ collect: wrong })).body).toMatchObject({ code: 'invalid_request' });
    }
    expect((await put({ collect: null })).body).toMatchObject({ collect: null });
    expect(await next()).toEqual([3, undefined]);
  });
});
