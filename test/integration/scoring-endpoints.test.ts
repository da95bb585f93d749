import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MirrorCounts } from '../../agent/scoring/served-image.ts';
import type { DesiredEndpoint } from '../../contract/messages.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { identityModel } from '../support/serving-models.ts';
import { eventually } from '../support/workspace-fixture.ts';

const row = { data: [[1, 2, 3]] };
const inferBody = { inputs: [{ name: 'in_int32', shape: [1, 3], datatype: 'INT32', data: [1, 2, 3] }] };
const model = identityModel(['INT32']);
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');
const shopKeys = { primary: hashOf('first'), secondary: hashOf('second') };
const withKey = { headers: { authorization: 'Bearer first' } };

/** Random numbers that the test chooses: the next one, and 0.5 when none is left. */
class Dice {
  numbers: number[] = [];
  readonly throw = (): number => this.numbers.shift() ?? 0.5;
}

async function serve(
  names: string[],
  changes: Partial<DesiredEndpoint> = {},
  options: Parameters<typeof startScoring>[0] = {},
): Promise<{ scoring: LocalScoring; dice: Dice; configure: (changes: Partial<DesiredEndpoint>) => void }> {
  const dice = new Dice();
  const scoring = await startScoring({ ...options, random: dice.throw });
  for (const [index, name] of names.entries()) await scoring.deploy(name, { model, version: index + 1 });
  const configure = (next: Partial<DesiredEndpoint>): void => {
    const shop = { name: 'shop', traffic: { blue: 90, green: 10 }, mirror: {}, keys: null, ...next };
    scoring.endpoints.configure({ endpoints: [shop], deployments: names });
  };
  configure(changes);
  return { scoring, dice, configure };
}

/** A server that lets those who ask wait as long as it is closed. */
async function startGate(): Promise<{ origin: string; open(): void; close(): void }> {
  const waiting: ServerResponse[] = [];
  let isOpen = false;
  const server = createServer((_request, response) => {
    if (isOpen) response.end();
    else waiting.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => {
      isOpen = true;
      for (const response of waiting.splice(0)) response.end();
    },
    close: () => {
      isOpen = false;
    },
  };
}

async function answeredBy(
  scoring: LocalScoring,
  path = '/score',
  headers: Record<string, string> = {},
): Promise<string> {
  const body = path.startsWith('/v2') ? inferBody : path.startsWith('/v1') ? { inputs: row.data } : row;
  const answer = await scoring.post(path, body, { headers });
  return answer.status === 200 ? (answer.headers.get('azureml-model-deployment') ?? '') : (answer.code ?? '');
}

interface ModelStats {
  model_stats: {
    name: string;
    inference_stats: { success: { count: number }; fail: { count: number } };
    mirror_stats: MirrorCounts;
  }[];
}

async function statsOf(
  scoring: LocalScoring,
  name: string,
): Promise<Partial<MirrorCounts> & { success: number | undefined }> {
  const answer = await scoring.get(`/v2/models/${name}/stats`);
  const [stats] = (answer.json as ModelStats).model_stats;
  return { ...stats?.mirror_stats, success: stats?.inference_stats.success.count };
}

describe('an endpoint', () => {
  it('divides requests by traffic, in every dialect', async () => {
    const { scoring, dice } = await serve(['blue', 'green']);
    const paths = [
      '/score',
      '/api/v1/service/shop/score',
      '/v2/models/shop/infer',
      '/v1/models/shop:predict',
    ];
    for (const path of paths) {
      dice.numbers = [0, 0.89, 0.91];
      const names = [
        await answeredBy(scoring, path),
        await answeredBy(scoring, path),
        await answeredBy(scoring, path),
      ];
      expect([path, ...names]).toEqual([path, 'blue', 'blue', 'green']);
    }
    // Whose version is asked for.
    dice.numbers = [0];
    expect(await answeredBy(scoring, '/v2/models/shop/versions/2/infer')).toBe('green');
    expect(await answeredBy(scoring, '/v2/models/shop/versions/9/infer')).toBe('unknown_model');
    const described = await scoring.get('/v2/models/shop');
    expect(described.json).toMatchObject({ name: 'blue', versions: ['1'] });
    expect((await scoring.get('/swagger.json')).json).toMatchObject({ info: { title: 'blue' } });
  });

  it('lets a header pin a deployment, with and without traffic', async () => {
    const { scoring } = await serve(['blue', 'green', 'free'], { traffic: { blue: 100, green: 0 } });
    const pin = (name: string) => ({ 'azureml-model-deployment': name });
    const path = '/api/v1/service/shop/score';
    expect(await answeredBy(scoring, path, pin('green'))).toBe('green');
    expect(await answeredBy(scoring, '/score', pin('green'))).toBe('green');
    expect(await answeredBy(scoring, '/score', { 'x-sluice-deployment': 'free' })).toBe('free');
    expect(await answeredBy(scoring, path, pin('free'))).toBe('unknown_model');
    expect(await answeredBy(scoring, path, pin('other'))).toBe('unknown_model');
    expect(await answeredBy(scoring, '/api/v1/service/green/score')).toBe('green');
    // An endpoint and a deployment beside it: the path says which.
    expect(await answeredBy(scoring)).toBe('invalid_request');
  });

  it('is named, like its deployments, to those alone who have its key', async () => {
    const { scoring } = await serve(['blue', 'green', 'free'], { keys: shopKeys });
    const messageOf = async (path: string, headers: Record<string, string>): Promise<string> => {
      const answer = await scoring.post(path, row, { headers });
      return (answer.json as { message: string }).message;
    };
    const pinned = { 'x-sluice-deployment': 'nobody' };
    for (const [path, headers] of [
      ['/score', {}],
      ['/score', pinned],
      ['/v2/models/nobody/infer', {}],
      ['/v1/models/nobody:predict', {}],
    ] as const) {
      const [strange, known] = [
        await messageOf(path, headers),
        await messageOf(path, { ...headers, ...withKey.headers }),
      ];
      expect([path, strange]).toEqual([path, expect.not.stringMatching(/blue|green|shop/)]);
      expect([path, known]).toEqual([path, expect.stringMatching(/blue, green|shop/)]);
      expect(strange).toContain('free');
    }
  });

  it('opens with its own keys after a deployment of its name is gone that never ran', async () => {
    const { scoring } = await serve(['green']);
    const red = { name: 'red', mirror: {}, keys: { primary: hashOf('old'), secondary: hashOf('older') } };
    scoring.endpoints.configure({
      endpoints: [{ ...red, traffic: { green: 100, red: 0 } }],
      deployments: ['green', 'red'],
    });
    scoring.endpoints.configure({
      endpoints: [{ ...red, traffic: { green: 100 }, keys: shopKeys }],
      deployments: ['green'],
    });
    expect(await answeredBy(scoring, '/v2/models/red/infer', withKey.headers)).toBe('green');
    const old = { authorization: 'Bearer old' };
    expect(await answeredBy(scoring, '/v2/models/red/infer', old)).toBe('unauthorized');
  });

  it('says of a deployment that is unloaded that it is not ready', async () => {
    const { scoring } = await serve(['blue', 'green']);
    await scoring.deployments.park('green');
    expect(await answeredBy(scoring, '/score', { 'x-sluice-deployment': 'green' })).toBe('not_ready');
    expect(await answeredBy(scoring, '/v2/models/green/infer')).toBe('not_ready');
  });

  it('gives nothing to a deployment that is down, and says when nobody is left', async () => {
    const { scoring, dice, configure } = await serve(['blue', 'green', 'red'], {
      traffic: { blue: 90, green: 10, red: 0 },
    });
    await scoring.deployments.remove('blue');
    dice.numbers = [0];
    expect(await answeredBy(scoring)).toBe('green');
    await scoring.deployments.remove('green');
    const down = await scoring.post('/score', row);
    expect([down.status, down.code]).toEqual([503, 'not_ready']);
    configure({ traffic: { red: 0 } });
    const noTraffic = await scoring.post('/score', row);
    expect([noTraffic.status, noTraffic.code]).toEqual([404, 'no_traffic']);
    configure({ traffic: { red: 100 } });
    expect(await answeredBy(scoring)).toBe('red');
  });
});

describe('an endpoint with keys', () => {
  it('lets nobody through to its deployments without one, by any path', async () => {
    const { scoring } = await serve(
      ['blue', 'green', 'free'],
      { keys: shopKeys },
      { endpoint: { allowsModelControl: true } },
    );
    const names = ['shop', 'blue', 'green'];
    const gets = names.flatMap((name, index) => [
      `/api/v1/service/${name}/score?data=[[1,2,3]]`,
      `/api/v1/service/${name}/swagger.json`,
      `/v2/models/${name}`,
      // Of blue, which stands for the endpoint, and of green.
      `/v2/models/${name}/versions/${Math.max(index, 1)}`,
      `/v2/models/${name}/ready`,
      `/v2/models/${name}/config`,
      `/v2/models/${name}/stats`,
      `/v1/models/${name}`,
      `/v1/models/${name}/metadata`,
    ]);
    const posts = names.flatMap((name) => [
      `/api/v1/service/${name}/score`,
      `/v2/models/${name}/infer`,
      `/v2/models/${name}/versions/1/infer`,
      `/v1/models/${name}:predict`,
    ]);
    const control = ['blue', 'green'].map((name) => `/v2/repository/models/${name}/unload`);
    const wrong = { authorization: 'Bearer third' };
    for (const headers of [{}, wrong]) {
      for (const path of gets) {
        const answer = await scoring.get(path, headers);
        expect([path, answer.status, answer.code]).toEqual([path, 401, 'unauthorized']);
      }
      for (const path of [...posts, ...control]) {
        const answer = await scoring.post(path, row, { headers });
        expect([path, answer.status, answer.code]).toEqual([path, 401, 'unauthorized']);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      }
      for (const pin of ['x-sluice-deployment', 'azureml-model-deployment']) {
        expect(await answeredBy(scoring, '/score', { ...headers, [pin]: 'green' })).toBe('unauthorized');
        expect(await answeredBy(scoring, '/api/v1/service/shop/score', { ...headers, [pin]: 'green' })).toBe(
          'unauthorized',
        );
      }
    }
    // What it hides would be there otherwise.
    for (const path of gets)
      expect([path, (await scoring.get(path, withKey.headers)).status]).toEqual([path, 200]);
    expect(await answeredBy(scoring, '/api/v1/service/free/score')).toBe('free');
    expect((await scoring.post('/v2/repository/models/blue/unload', '', withKey)).status).toBe(200);
    expect((await scoring.post('/v2/repository/models/blue/load', '')).code).toBe('unauthorized');
    for (const path of ['/', '/v2', '/v2/health/live', '/v2/health/ready']) {
      expect([path, (await scoring.get(path)).status]).toEqual([path, 200]);
    }
  });

  it('refuses before it takes in a body', async () => {
    const { scoring } = await serve(['blue'], { traffic: { blue: 100 }, keys: shopKeys });
    const paths = [
      '/score',
      '/api/v1/service/shop/score',
      '/v2/models/blue/infer',
      '/v1/models/shop:predict',
    ];
    for (const path of paths) {
      const socket = connect(scoring.port, '127.0.0.1');
      // The body never comes.
      socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n`);
      const [first] = (await once(socket, 'data')) as [Buffer];
      expect(first.toString()).toMatch(/^HTTP\/1\.1 401 /);
      socket.destroy();
    }
  });

  it('shows its deployments in lists to those who have one', async () => {
    const { scoring } = await serve(['blue', 'green', 'free'], { keys: shopKeys });
    const lists = async (headers: Record<string, string>) => {
      const index = await scoring.post('/v2/repository/index', '', { headers });
      const stats = await scoring.get('/v2/models/stats', headers);
      const models = await scoring.get('/v1/models', headers);
      return [
        (index.json as { name: string }[]).map(({ name }) => name),
        (stats.json as ModelStats).model_stats.map(({ name }) => name),
        (models.json as { models: string[] }).models,
      ];
    };
    expect(await lists({})).toEqual([['free'], ['free'], ['free']]);
    const all = ['blue', 'green', 'free'];
    expect(await lists(withKey.headers)).toEqual([all, all, all]);
  });

  it('takes either, and a new one at once', async () => {
    const { scoring, configure } = await serve(['blue', 'green'], { keys: shopKeys });
    const by = (key: string) => answeredBy(scoring, '/score', { authorization: `Bearer ${key}` });
    expect([await by('first'), await by('second'), await by('third')]).toEqual([
      'blue',
      'blue',
      'unauthorized',
    ]);
    configure({ keys: { ...shopKeys, secondary: hashOf('third') } });
    expect([await by('first'), await by('second'), await by('third')]).toEqual([
      'blue',
      'unauthorized',
      'blue',
    ]);
    configure({ keys: null });
    expect(await answeredBy(scoring)).toBe('blue');
  });
});

describe('a mirrored deployment', () => {
  const script = `export async function run(input, context) {
    if (input.text() === 'fail') throw new Error('as told');
    await context.infer({ in_int32: { shape: [1, 3], data: [1, 2, 3] } });
    return input.method + input.contentType;
  }`;

  it('gets copies of requests that name no deployment, whose answers nobody sees', async () => {
    const { scoring, dice } = await serve(['blue', 'green'], {
      traffic: { blue: 100 },
      mirror: { green: 10 },
    });
    const answers = [];
    for (const path of ['/score', '/v2/models/shop/infer', '/v1/models/shop:predict']) {
      // The traffic's throw, then the mirror's.
      dice.numbers = [0, 0.09, 0, 0.11];
      answers.push(await answeredBy(scoring, path), await answeredBy(scoring, path));
      const counted = answers.length / 2;
      await eventually(async () => (await statsOf(scoring, 'green')).success === counted);
    }
    expect(new Set(answers)).toEqual(new Set(['blue']));
    expect(await statsOf(scoring, 'green')).toEqual({ succeeded: 3, failed: 0, skipped: 0, success: 3 });
    expect(await statsOf(scoring, 'blue')).toEqual({ succeeded: 0, failed: 0, skipped: 0, success: 6 });
    dice.numbers = [0, 0];
    await answeredBy(scoring, '/score', { 'azureml-model-deployment': 'blue' });
    expect(dice.numbers).toEqual([0, 0]);
    expect(await answeredBy(scoring, '/score', { 'azureml-model-deployment': 'green' })).toBe('green');
  });

  it('may take other inputs, be a script or be gone: the answer is the same', async () => {
    const { scoring, dice } = await serve(['blue'], { traffic: { blue: 100 }, mirror: { green: 50 } });
    const copied = async (body: unknown, query = ''): Promise<string> => {
      dice.numbers = [0, 0];
      return (await scoring.post(`/score${query}`, body)).text;
    };
    const expected = '{"out_int32":[[1,2,3]]}';
    expect(await copied(row)).toBe(expected);
    await scoring.deploy('green', { model: identityModel(['FP32', 'INT8']) });
    expect(await copied(row)).toBe(expected);
    await eventually(async () => (await statsOf(scoring, 'green')).failed === 1);
    await scoring.deploy('green', { model, script });
    expect(await copied(row)).toBe(expected);
    await eventually(async () => (await statsOf(scoring, 'green')).succeeded === 1);
    // The live deployment refuses it; the copy runs all the same.
    expect(await copied('fail')).toContain('invalid_json');
    await eventually(async () => (await statsOf(scoring, 'green')).failed === 1);
    expect(await answeredBy(scoring)).toBe('blue');
  });

  it('gets none while it has requests of its own, too many or too large ones', async () => {
    const limits = { mirrorInFlightMax: 1, mirrorBodyBytesMax: 100 };
    const { scoring, dice } = await serve(
      ['blue'],
      { traffic: { blue: 100 }, mirror: { green: 50 } },
      { limits },
    );
    const gate = await startGate();
    const slow = `export const run = async (input, context) => {
      await context.fetch('${gate.origin}');
      return 'slow';
    }`;
    const scriptSettings = { timeoutMs: 60_000, heapMiB: 64, grants: { network: [gate.origin] } };
    await scoring.deploy('green', { model, script: slow, scriptSettings, sessions: 1 });
    const copied = async (body: unknown = row): Promise<void> => {
      dice.numbers = [0, 0];
      expect((await scoring.post('/score', body)).status).toBe(200);
    };
    const skipped = async () => (await statsOf(scoring, 'green')).skipped;
    const own = scoring.post('/api/v1/service/green/score', '');
    await eventually(() => (scoring.deployments.get('green')?.users ?? 0) > 0);
    await copied();
    expect(await skipped()).toBe(1);
    gate.open();
    expect((await own).text).toBe('slow');
    gate.close();
    await copied();
    await copied();
    expect(await skipped()).toBe(2);
    gate.open();
    await eventually(async () => (await statsOf(scoring, 'green')).succeeded === 1);
    await copied({ data: Array.from({ length: 50 }, () => [1, 2, 3]) });
    expect(await skipped()).toBe(3);
  });
});
