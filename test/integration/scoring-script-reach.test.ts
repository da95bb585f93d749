import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import jpeg from 'jpeg-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startScoring } from '../support/local-scoring.ts';
import type { ImageParts } from '../support/make-image.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';

const limits = { timeoutMs: 5_000, heapMiB: 128 };

async function serve(script: string, parts: Partial<ImageParts> = {}) {
  const scoring = await startScoring();
  await scoring.deploy('fashion', { script, scriptSettings: limits, ...parts });
  return scoring;
}

/** A server that answers every path with it; `/away` sends elsewhere. */
async function startOrigin(): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/away') response.writeHead(302, { location: '/elsewhere' });
    response.end(`${request.method} ${request.url} ${request.headers['x-mark'] ?? ''}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('what a scoring script reads of a request', () => {
  it('is a picture in its own size, in another, or as an input of the model', async () => {
    const scoring = await serve(`
      export async function run(input, context) {
        const { width, height, rgb } = await input.image();
        const small = await input.image({ width: 2, height: 1 });
        const tensor = await input.imageTensor('input', { mean: [0.5], std: [0.25] });
        const { logits } = await context.infer({ input: tensor });
        return {
          width, height, values: rgb.length, small: small.rgb.length, shape: tensor.shape,
          range: [Math.min(...tensor.data), Math.max(...tensor.data)], classes: logits.data.length,
        };
      }`);
    const png = readFileSync(repositoryPath('samples', 'fashion', 'trouser.png'));
    const answer = await scoring.post('/score', png, { headers: { 'content-type': 'image/png' } });
    expect(answer.json).toEqual({
      width: 28,
      height: 28,
      values: 28 * 28 * 3,
      small: 6,
      shape: [1, 784],
      range: [-2, 2],
      classes: 10,
    });
    const pixels = Buffer.alloc(28 * 28 * 4, 128);
    const jpg = jpeg.encode({ width: 28, height: 28, data: pixels }, 90).data;
    expect((await scoring.post('/score', jpg)).json).toMatchObject({ width: 28, classes: 10 });
    expect((await scoring.post('/score', png.subarray(0, 40))).code).toBe('script_input');
    expect((await scoring.post('/score', '')).code).toBe('script_input');
  });

  it('is CSV, with or without a row of names', async () => {
    const scoring = await serve(`
      export function run(input) { return input.csv(input.query.header ? { header: true, delimiter: ';' } : {}); }`);
    expect((await scoring.post('/score', '1,"a, ""b"""\r\n2,c\r\n')).json).toEqual([
      ['1', 'a, "b"'],
      ['2', 'c'],
    ]);
    expect((await scoring.post('/score?header=1', 'x;y\n1;2\n')).json).toEqual([{ x: '1', y: '2' }]);
    const ragged = await scoring.post('/score?header=1', 'a;b\n1;2;3\n');
    expect([ragged.status, ragged.code]).toEqual([400, 'script_input']);
    expect((await scoring.post('/score', 'a,"b\n')).code).toBe('script_input');
  });
});

describe('what a scoring script reaches', () => {
  it('is the files of its image and nothing else', async () => {
    const scoring = await serve(
      `
      export async function run(input, context) {
        const { path, url } = input.query;
        try {
          if (url) return await context.fetch(url);
          return new TextDecoder().decode(await context.readFile(path));
        } catch (error) { return 'refused: ' + error.message; }
      }`,
      { files: { 'labels.txt': 'cat\ndog', 'data/a.json': '[1]' } },
    );
    const read = async (query: string): Promise<string> => (await scoring.get(`/score?${query}`)).text;
    expect(await read('path=labels.txt')).toBe('cat\ndog');
    expect(await read('path=data/a.json')).toBe('[1]');
    for (const query of [
      'path=other.txt',
      'path=/etc/passwd',
      'path=../labels.txt',
      'url=http://127.0.0.1:1/',
    ]) {
      expect(await read(query)).toMatch(/^refused: /);
    }
  });

  it('is what its image was granted', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'open'));
    writeFileSync(join(folder, 'open', 'a.txt'), 'granted');
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    symlinkSync(join(folder, 'secret.txt'), join(folder, 'open', 'link.txt'));
    const [origin, other] = [await startOrigin(), await startOrigin()];
    const grants = { network: [origin], read: [join(folder, 'open')] };
    const scoring = await serve(
      `
      export async function run(input, context) {
        const { path, url } = input.query;
        try {
          if (path) return new TextDecoder().decode(await context.readFile(path));
          const answer = await context.fetch(url, { method: 'POST', headers: { 'x-mark': 'm' }, body: 'b' });
          return answer.status + ' ' + answer.text();
        } catch (error) { return 'refused: ' + error.message; }
      }`,
      { scriptSettings: { ...limits, grants } },
    );
    const ask = async (query: string): Promise<string> => (await scoring.get(`/score?${query}`)).text;
    expect(await ask(`path=${folder}/open/a.txt`)).toBe('granted');
    for (const path of ['secret.txt', 'open/link.txt', 'open/../secret.txt', 'openly.txt']) {
      expect(await ask(`path=${folder}/${path}`)).toMatch(/^refused: .* is not granted/);
    }
    expect(await ask(`url=${origin}/a`)).toBe('200 POST /a m');
    expect(await ask(`url=${other}/a`)).toMatch(/^refused: .* is not granted/);
    // A granted origin cannot send the script to another.
    expect(await ask(`url=${origin}/away`)).toMatch(/^302 /);
  });

  it('is regular files, and a few questions at once', async () => {
    const script = `
      const settled = async (paths, context) => {
        const results = await Promise.allSettled(paths.map((path) => context.readFile(path)));
        return results.map(({ reason }) => reason?.message ?? 'read');
      };
      export async function run(input, context) {
        return {
          device: await settled(['/dev/null'], context),
          atOnce: await settled(Array(64).fill(input.query.path), context),
          afterwards: await settled([input.query.path], context),
        };
      }`;
    const path = join(temporaryFolder(), 'a.txt');
    writeFileSync(path, 'granted');
    const grants = { read: ['/dev', path] };
    const scoring = await serve(script, { scriptSettings: { ...limits, grants } });
    const { device, atOnce, afterwards } = (await scoring.get(`/score?path=${path}`)).json as Record<
      string,
      string[]
    >;
    expect(device).toEqual(['readFile: "/dev/null" is no regular file']);
    expect(atOnce?.slice(0, 8)).toEqual(Array(8).fill('read'));
    const refused = 'readFile: 8 questions are open already; wait for their answers';
    expect(new Set(atOnce)).toEqual(new Set(['read', refused]));
    expect(afterwards).toEqual(['read']);
  });

  it('is no origin that is none', async () => {
    const scoring = await startScoring();
    const scriptSettings = { ...limits, grants: { network: ['http://a:99999'] } };
    const script = 'export const run = () => 1;';
    await expect(scoring.deploy('fashion', { script, scriptSettings })).rejects.toMatchObject({
      code: 'manifest_invalid',
    });
  });
});

describe('schemas that a scoring script declares', () => {
  const script = `
    export const inputSchema = {
      type: 'object', required: ['x'], additionalProperties: false,
      properties: { x: { type: 'array', items: { $ref: '#/$defs/n' } }, note: { type: 'string' } },
      $defs: { n: { type: 'number', minimum: 0 } },
    };
    export const outputSchema = { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] };
    export function run(input) {
      return input.value.note === 'wrong' ? { total: 1 } : { sum: input.value.x.reduce((a, b) => a + b, 0) };
    }`;

  it('hold for what comes in and what goes out', async () => {
    const scoring = await serve(script);
    expect((await scoring.post('/score', { x: [1, 2] })).json).toEqual({ sum: 3 });
    expect((await scoring.get('/score?x=4&x=5')).json).toEqual({ sum: 9 });
    for (const body of [{}, { x: 1 }, { x: [-1] }, { x: [1], y: 1 }, []]) {
      const answer = await scoring.post('/score', body);
      expect([answer.status, answer.code]).toEqual([400, 'script_input']);
    }
    expect((await scoring.post('/score', { x: [-1] })).text).toContain('x.0 must be >= 0');
    expect((await scoring.post('/score', '{')).code).toBe('invalid_json');
    expect((await scoring.post('/score', { x: [1], note: 'wrong' })).code).toBe('script_failed');
  });

  it('stand in swagger of every version', async () => {
    const scoring = await serve(script);
    const versions = [
      ['2', 'definitions'],
      ['3', 'components'],
      ['3.1', 'components'],
    ] as const;
    for (const [version, place] of versions) {
      const swagger = (await scoring.get(`/swagger.json?version=${version}`)).json as object;
      const { definitions, components } = swagger as {
        definitions?: object;
        components?: { schemas: object };
      };
      const schemas = definitions ?? components?.schemas;
      const reference = `#/${place}${place === 'components' ? '/schemas' : ''}/ServiceInput.n`;
      expect(schemas).toMatchObject({
        ServiceInput: { properties: { x: { items: { $ref: reference } } } },
        'ServiceInput.n': { minimum: 0 },
        ServiceOutput: { required: ['sum'] },
      });
      expect(JSON.stringify(schemas)).not.toContain('$defs');
    }
  });

  it.each([
    ['no schema', '5'],
    ['a reference to nothing', "{ $ref: '#/$defs/none' }"],
    ['one that is too long', "{ description: 'x'.repeat(100000) }"],
  ])('are refused with the image: %s', async (_, schema) => {
    const script = `export const inputSchema = ${schema}; export function run() { return 1; }`;
    await expect(serve(script)).rejects.toMatchObject({ code: 'script_invalid' });
  });
});
