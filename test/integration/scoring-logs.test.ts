import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import { startScoring } from '../support/local-scoring.ts';

interface Line {
  level: number;
  msg: string;
  status?: number;
  path?: string;
  route?: string;
  requestId?: string;
  clientRequestId?: string;
}

/** A logger of every level, and what it has written. */
function memoryLogger() {
  const lines: Line[] = [];
  const log = pino(
    { level: 'debug' },
    { write: (line: string) => void lines.push(JSON.parse(line) as Line) },
  );
  return { log, lines };
}

async function untilLogged(lines: Line[], fits: (line: Line) => boolean): Promise<Line> {
  for (;;) {
    const line = lines.find(fits);
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const script = `export function run(input) {
  if (input.text() === 'secret fail') throw new Error('no');
  for (let line = 0; line < 1e4; line += 1) console.log('line', line, 'x'.repeat(5000));
  return 'fine';
}`;

describe('logs', () => {
  it('have one line a request, a warning where this server is at fault, and never a body', async () => {
    const { log, lines } = memoryLogger();
    const scoring = await startScoring({ log });
    await scoring.deploy('fashion', { script });
    await scoring.post('/score?a=1', 'secret', { headers: { 'x-request-id': 'good' } });
    await scoring.post('/score', 'secret fail', { headers: { 'x-request-id': 'bad' } });
    const good = await untilLogged(lines, ({ requestId }) => requestId === 'good');
    expect(good).toMatchObject({ level: 20, msg: 'request', status: 200, path: '/score', route: 'none' });
    const bad = await untilLogged(lines, ({ requestId }) => requestId === 'bad');
    expect(bad).toMatchObject({ level: 40, status: 424 });
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('name the model, the route and the pattern of the path, and no header or query', async () => {
    const { log, lines } = memoryLogger();
    const scoring = await startScoring({ log });
    await scoring.deploy('fashion');
    const headers = {
      ...{ authorization: 'Bearer secret', cookie: 'secret', 'x-request-id': 'one' },
      'x-ms-client-request-id': 'mine',
    };
    const path = '/v2/models/fashion/infer?key=secret';
    await scoring.post(path, { inputs: [], secret: 'secret' }, { headers });
    await scoring.get('/v2/models/secret/config', headers);
    await scoring.get('/secret?key=secret', { ...headers, 'x-request-id': 'three' });
    const line = await untilLogged(lines, ({ requestId }) => requestId === 'one');
    expect(line).toMatchObject({
      level: 20,
      method: 'POST',
      path: '/v2/models/:model/infer',
      status: 400,
      code: 'invalid_request',
      model: 'fashion',
      version: 1,
      clientRequestId: 'mine',
    });
    await untilLogged(lines, ({ requestId }) => requestId === 'three');
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('take a bounded part of what a script logs', async () => {
    const { log, lines } = memoryLogger();
    const scoring = await startScoring({ log });
    await scoring.deploy('fashion', { script });
    for (const run of [1, 2]) {
      expect((await scoring.post('/score', '')).text).toBe('fine');
      const logged = lines.filter(({ msg }) => msg.startsWith('script: line'));
      expect(logged.length).toBe(run * scoringLimits.scriptLogLinesMax);
      expect(Math.max(...logged.map(({ msg }) => msg.length))).toBe(
        'script: '.length + scoringLimits.scriptTextCharsMax,
      );
    }
  });
});
