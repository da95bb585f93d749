import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bundleScript } from '../../cli/bundle-script.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { repositoryPath } from '../support/paths.ts';

const limits = { timeoutMs: 5_000, heapMiB: 64 };

function sample(name: string): Uint8Array {
  return readFileSync(repositoryPath('samples', 'fashion', name));
}

/** Serves one script and scores with it. */
async function serve(script: string, options: { timeoutMs?: number; heapMiB?: number } = {}) {
  const scoring = await startScoring();
  await scoring.deploy('fashion', { script, scriptSettings: { ...limits, ...options } });
  return scoring;
}

async function codeOf(scoring: LocalScoring, body: unknown): Promise<unknown[]> {
  const answer = await scoring.post('/score', body);
  return [answer.status, answer.code];
}

describe('scoring scripts', () => {
  it('the sample answers pictures and JSON, and refuses others with 400', async () => {
    const scoring = await startScoring({ npu: 'kv260-m' });
    const script = Buffer.from(
      await bundleScript(repositoryPath('samples', 'fashion', 'score.js')),
    ).toString();
    const digest = await scoring.deploy('fashion', { script, accelerate: 'kv260-m' });
    const headers = { 'content-type': 'image/png' };
    for (const [file, label] of [
      ['ankle-boot.png', 'Ankle boot'],
      ['trouser.png', 'Trouser'],
    ]) {
      const answer = await scoring.post('/score', sample(file as string), { headers });
      expect([answer.status, (answer.json as { label: string }).label]).toEqual([200, label]);
      expect(answer.headers.get('x-sluice-image')).toBe(digest);
    }
    const byRoute = new Map<string, string>();
    for (const route of ['cpu', 'fpga-sim']) {
      const answer = await scoring.post('/score', sample('request.json'), {
        headers: { 'x-sluice-route': route },
      });
      expect([answer.status, answer.headers.get('x-sluice-route')]).toEqual([200, route]);
      byRoute.set(route, answer.text);
    }
    expect(byRoute.get('cpu')).toBe(byRoute.get('fpga-sim'));
    expect(await codeOf(scoring, { image: [] })).toEqual([400, 'script_input']);
    expect(await codeOf(scoring, sample('ankle-boot.png').subarray(0, 60))).toEqual([400, 'script_input']);
    expect(await codeOf(scoring, '{"image"')).toEqual([400, 'invalid_json']);
    // The other dialect reaches the model past the script.
    expect((await scoring.post('/v2/models/fashion/infer', sample('infer.json'))).status).toBe(200);
  });

  it('see the request, the image and what init left, and answer as they like', async () => {
    const scoring = await serve(`
      let started = '';
      export async function init(context) { started = context.image.name + ':' + context.image.version; }
      export function run(input, context) {
        const { mode } = input.query;
        if (mode === 'text') return 'plain';
        if (mode === 'bytes') return new Uint8Array([1, 2, 255]);
        if (mode === 'big') return { big: 2n ** 63n, small: 5n, data: new Float32Array([0.5]) };
        return {
          started, method: input.method, type: input.contentType, mark: input.headers['x-mark'],
          text: input.text(), json: input.text() ? input.json() : null, bytes: input.body.length, query: input.query,
          digest: context.image.digest,
        };
      }`);
    const digest = scoring.deployments.get('fashion')?.digest;
    const full = await scoring.post('/score?a=1&a=2', '{"x": 1}', {
      headers: { 'content-type': 'odd/type', 'x-mark': 'm' },
    });
    expect(full.json).toEqual({
      started: 'fashion:1',
      method: 'POST',
      type: 'odd/type',
      mark: 'm',
      text: '{"x": 1}',
      json: { x: 1 },
      bytes: 8,
      query: { a: ['1', '2'] },
      digest,
    });
    expect(full.headers.get('x-sluice-route')).toBe('none');
    expect((await scoring.get('/score')).json).toMatchObject({ method: 'GET', bytes: 0, json: null });
    const text = await scoring.get('/score?mode=text');
    expect([text.text, text.headers.get('content-type')]).toEqual(['plain', 'text/plain; charset=utf-8']);
    const bytes = await fetch(`${scoring.url}/score?mode=bytes`);
    expect(new Uint8Array(await bytes.arrayBuffer())).toEqual(new Uint8Array([1, 2, 255]));
    expect((await scoring.get('/score?mode=big')).json).toEqual({
      big: '9223372036854775808',
      small: 5,
      data: [0.5],
    });
  });

  it('fail alone: the message without a stack, and the next request is answered', async () => {
    const scoring = await serve(`
      export async function run(input, context) {
        const { what } = input.json();
        if (what === 'throw') throw new TypeError('no such luck\\n  at secret');
        if (what === 'throw text') throw 'text';
        if (what === 'refuse') throw Object.assign(new Error('too dark'), { name: 'InputError' });
        if (what === 'nothing') return undefined;
        if (what === 'function') return () => 1;
        if (what === 'circle') { const a = {}; a.a = a; return a; }
        if (what === 'shape') return context.infer({ input: { shape: [1, 783], data: new Float32Array(783) } });
        if (what === 'typed') return context.infer({ input: { shape: [1, 784], data: new Float64Array(784) } });
        if (what === 'name') return context.infer({ other: { shape: [1, 784], data: new Float32Array(784) } });
        if (what === 'missing') return context.infer({});
        if (what === 'infer') {
          const { logits } = await context.infer({ input: { shape: [1, 784], data: new Array(784).fill(0) } });
          return [logits.data instanceof Float32Array, logits.datatype, logits.shape];
        }
        return 'fine';
      }`);
    for (const what of [
      'throw',
      'throw text',
      'nothing',
      'function',
      'circle',
      'shape',
      'typed',
      'name',
      'missing',
    ]) {
      expect([what, ...(await codeOf(scoring, { what }))]).toEqual([what, 424, 'script_failed']);
    }
    const thrown = await scoring.post('/score', { what: 'throw' });
    expect((thrown.json as { message: string }).message).toBe('scoring script: no such luck at secret');
    expect(thrown.headers.get('ms-azureml-model-error-statuscode')).toBe('500');
    expect(thrown.headers.get('ms-azureml-model-error-reason')).toBe(
      'scoring script: no such luck at secret',
    );
    expect(await codeOf(scoring, { what: 'refuse' })).toEqual([400, 'script_input']);
    expect(await codeOf(scoring, 'no JSON')).toEqual([400, 'invalid_json']);
    expect((await scoring.post('/score', { what: 'infer' })).json).toEqual([true, 'FP32', [1, 10]]);
    expect((await scoring.post('/score', { what: '' })).text).toBe('fine');
  });

  it('do not see the key of an endpoint', async () => {
    const scoring = await serve(`export const run = ({ headers }) => Object.keys(headers);`);
    const headers = { authorization: 'Bearer secret', 'x-own': '1' };
    const seen = (await scoring.post('/score', {}, { headers })).json as string[];
    expect([seen.includes('x-own'), seen.includes('authorization')]).toEqual([true, false]);
  });

  it('fail with a reason that fits into a header, whatever they say', async () => {
    const scoring = await serve(`export const run = (input) => { throw new Error(input.text()); };`);
    const said = 'größer\r\nx-evil: 1 "quoted" \u{1f600}';
    const answer = await scoring.post('/score', said);
    expect([answer.status, (answer.json as { message: string }).message]).toEqual([
      424,
      `scoring script: ${said.replace('\r\n', ' ')}`,
    ]);
    expect(answer.headers.get('x-evil')).toBeNull();
    expect(answer.headers.get('ms-azureml-model-error-reason')).toBe(
      'scoring script: gr\\u00f6\\u00dfer x-evil: 1 \\"quoted\\" \\ud83d\\ude00',
    );
    const long = await scoring.post('/score', 'x'.repeat(900));
    expect(long.headers.get('ms-azureml-model-error-reason')?.length).toBe(512);
  });

  it('pass on the code of an inference that they let fail', async () => {
    const scoring = await serve(`
      export const run = (input, context) =>
        context.infer({ input: { shape: [1, 784], data: new Float32Array(784) } });`);
    const answer = await scoring.post('/score', {}, { headers: { 'x-sluice-route': 'fpga' } });
    expect([answer.status, answer.code]).toEqual([400, 'route_unavailable']);
  });

  it.each([
    ['spin', 'for (;;) {}', 'script_timeout', 1_000],
    ['never settle', 'await new Promise(() => {});', 'script_timeout', 1_000],
    [
      'hog memory',
      'const all = []; for (;;) all.push(new Array(1000).fill({ x: all }));',
      'script_failed',
      20_000,
    ],
    [
      'reject in the background',
      "Promise.reject(new Error('stray')); await new Promise(() => {});",
      'script_failed',
      20_000,
    ],
    ['recurse for ever', 'const deeper = () => deeper() + 1; deeper();', 'script_failed', 20_000],
  ])('that %s fail alone and are replaced', async (_what, statement, code, timeoutMs) => {
    const scoring = await serve(
      `export async function run(input) { if (input.text() === 'bad') { ${statement} } return 'fine'; }`,
      { timeoutMs, heapMiB: 32 },
    );
    // The second request waits while the first one's thread is replaced.
    const [failed, next] = await Promise.all([scoring.post('/score', 'bad'), scoring.post('/score', 'good')]);
    expect([failed.status, failed.code]).toEqual([code === 'script_timeout' ? 408 : 424, code]);
    expect([next.status, next.text]).toEqual([200, 'fine']);
  });

  it('cannot make up error codes', async () => {
    const scoring = await serve(`
      export async function run(input, context) {
        const caught = await context.infer({}).catch((error) => error);
        throw new caught.constructor(input.text(), 'made up');
      }`);
    expect(await codeOf(scoring, 'no_such_code')).toEqual([424, 'script_failed']);
    expect(await codeOf(scoring, 'toString')).toEqual([424, 'script_failed']);
  });

  it('cannot answer without measure', async () => {
    const scoring = await startScoring({ limits: { scriptOutputBytesMax: 1_000 } });
    await scoring.deploy('fashion', {
      script: `export const run = (input) => input.query.mode === 'json' ? { a: 'x'.repeat(1000) } : 'x'.repeat(Number(input.text()));`,
    });
    expect((await scoring.post('/score', '1000')).text.length).toBe(1_000);
    expect(await codeOf(scoring, '1001')).toEqual([424, 'script_failed']);
    expect((await scoring.get('/score?mode=json')).code).toBe('script_failed');
  });

  it('have no process, network, file system or module', async () => {
    const scoring = await serve(`
      const tryImport = async (name) => { try { await import(name); return 'got it'; } catch (e) { return 'refused'; } };
      export async function run() {
        const globals = ['process', 'require', 'fetch', 'WebSocket', 'XMLHttpRequest', 'EventSource', 'Buffer',
          'BroadcastChannel', 'MessageChannel', 'Worker', 'global', 'navigator', 'module'];
        return {
          there: globals.filter((name) => globalThis[name] !== undefined),
          imports: [await tryImport('node:' + 'fs'), await tryImport('data:text/javascript,1'),
            await (0, eval)("import('node:process')").then(() => 'got it', () => 'refused'),
            await new Function("return import('node:net')")().then(() => 'got it', () => 'refused')],
        };
      }`);
    expect((await scoring.post('/score', '')).json).toEqual({
      there: [],
      imports: ['refused', 'refused', 'refused', 'refused'],
    });
  });

  it('are not activated when they cannot be run; what was served goes on', async () => {
    const scoring = await serve("export const run = () => 'old';");
    const refusals = [
      ['a syntax error', 'export function run( {', 'script_invalid'],
      ['no run', 'export const other = 1;', 'script_invalid'],
      ['a run that is no function', 'export const run = 1;', 'script_invalid'],
      ['an import of Node', "import 'node:fs'; export const run = () => 1;", 'script_invalid'],
      ['an import of a package', "import 'fast-png'; export const run = () => 1;", 'script_invalid'],
      ['a throw while loading', "throw new Error('at once');", 'script_failed'],
      [
        'a throw in init',
        "export const init = () => { throw new Error('x'); }; export const run = () => 1;",
        'script_failed',
      ],
    ] as const;
    for (const [what, script, code] of refusals) {
      const refused = scoring.deploy('fashion', { script, version: 2 });
      await expect(refused, what).rejects.toMatchObject({ code });
      expect((await scoring.post('/score', '')).text, what).toBe('old');
    }
  });

  it('that hang while they load are given up', async () => {
    const scoring = await startScoring({ limits: { workerStartMs: 4_000 } });
    const script = 'export const init = () => { for (;;) {} }; export const run = () => 1;';
    await expect(
      scoring.deploy('fashion', { script, scriptSettings: { timeoutMs: 100, heapMiB: 32 } }),
    ).rejects.toMatchObject({ code: 'script_timeout' });
  });
});
