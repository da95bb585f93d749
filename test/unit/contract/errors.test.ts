import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorCodes, SluiceError, toSluiceError } from '../../../contract/errors.ts';
import { repositoryPath } from '../../support/paths.ts';

describe('error codes', () => {
  it('are exactly those of docs/reference/errors.md, with status and meaning', () => {
    const rows = readFileSync(repositoryPath('docs/reference/errors.md'), 'utf8')
      .split('\n')
      .map((line) => /^\| `(\w+)` \| (\d+) \| (.+) \|$/.exec(line))
      .filter((match) => match !== null)
      .map(([, code, status, meaning]) => [code, Number(status), meaning]);
    expect(rows).toEqual(
      Object.entries(errorCodes).map(([code, { status, meaning }]) => [code, status, meaning]),
    );
  });

  it('turn whatever was thrown into a SluiceError and keep one as it is', () => {
    const error = new SluiceError('queue_full', 'full', { retryAfterMs: 2_000 });
    expect(toSluiceError(error)).toBe(error);
    expect(toSluiceError(new Error('x'), 'engine_failed')).toMatchObject({
      code: 'engine_failed',
      message: 'x',
    });
    expect(toSluiceError('text').code).toBe('internal');
    expect(error.status).toBe(429);
    expect(JSON.parse(JSON.stringify(error))).toEqual({ code: 'queue_full', message: 'full' });
  });
});
