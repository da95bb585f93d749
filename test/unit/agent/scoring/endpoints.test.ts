import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authorise, authoriseEndpoint, isAuthorised } from '../../../../agent/scoring/authorise.ts';
import { Endpoints } from '../../../../agent/scoring/endpoints.ts';
import type { DesiredEndpoint } from '../../../../contract/messages.ts';

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

function shop(
  keys: [primary: string, secondary: string] | null,
  traffic = { blue: 100, green: 0 },
): DesiredEndpoint {
  return {
    name: 'shop',
    traffic,
    mirror: { red: 10 },
    keys: keys === null ? null : { primary: hashOf(keys[0]), secondary: hashOf(keys[1]) },
  };
}

const all = ['blue', 'green', 'red', 'free'];

describe('Endpoints', () => {
  it('know who stands behind which, with and without traffic', () => {
    const endpoints = new Endpoints();
    expect([endpoints.names, endpoints.ofDeployment('blue')]).toEqual([[], undefined]);
    endpoints.configure({ endpoints: [shop(null)], deployments: all });
    const endpoint = endpoints.get('shop');
    expect(all.map((name) => endpoints.ofDeployment(name))).toEqual([
      endpoint,
      endpoint,
      endpoint,
      undefined,
    ]);
    // Names that every object has are names like any other.
    expect([endpoints.get('constructor'), endpoints.ofDeployment('toString')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('keep a deployment that leaves behind its keys until it is gone', () => {
    const endpoints = new Endpoints();
    endpoints.configure({ endpoints: [shop(['one', 'two'])], deployments: all });
    const blueOnly: DesiredEndpoint = { ...shop(['one', 'two'], { blue: 100 } as never), mirror: {} };
    endpoints.configure({ endpoints: [blueOnly], deployments: ['blue', 'free'] });
    endpoints.configure({ endpoints: [], deployments: [] });
    for (const name of ['blue', 'green', 'red']) {
      expect(() => authorise(name, undefined, endpoints)).toThrow();
      expect(() => authorise(name, 'Bearer two', endpoints)).not.toThrow();
      endpoints.forget(name);
      expect(() => authorise(name, undefined, endpoints)).not.toThrow();
    }
  });

  it('set a deployment free that shall go on without an endpoint, and take it in again', () => {
    const endpoints = new Endpoints();
    endpoints.configure({ endpoints: [shop(['one', 'two'])], deployments: all });
    endpoints.configure({ endpoints: [], deployments: all });
    expect(endpoints.ofDeployment('blue')).toBeUndefined();
    endpoints.configure({ endpoints: [shop(['one', 'two'])], deployments: all });
    // What was said of an earlier life of it.
    endpoints.forget('blue');
    expect(endpoints.ofDeployment('blue')).toBe(endpoints.get('shop'));
  });
});

describe('a key', () => {
  const endpoints = new Endpoints();
  endpoints.configure({ endpoints: [shop(['one', 'two'])], deployments: all });

  it.each([['Bearer one'], ['Bearer two'], ['bearer one'], ['Bearer   two']])('opens: %s', (header) => {
    expect(() => authorise('blue', header, endpoints)).not.toThrow();
  });

  it.each([
    [undefined],
    [''],
    ['Bearer'],
    ['Bearer '],
    ['Bearer three'],
    ['Bearer one two'],
    ['Bearer one,two'],
    ['one'],
    ['Basic one'],
    [`Bearer ${hashOf('one')}`],
    ['Bearer ONE'],
  ])('opens not: %s', (header) => {
    expect(() => authorise('green', header, endpoints)).toThrowError(
      expect.objectContaining({ code: 'unauthorized', status: 401 }),
    );
  });

  it('is not asked for where there is no endpoint, or one without', () => {
    expect(() => authorise('free', undefined, endpoints)).not.toThrow();
    expect(() => authoriseEndpoint(undefined, undefined)).not.toThrow();
    expect(isAuthorised({ keyHashes: undefined }, undefined)).toBe(true);
  });

  it('is never part of the refusal', () => {
    try {
      authorise('blue', 'Bearer so-secret', endpoints);
      expect.unreachable();
    } catch (thrown) {
      expect(String(thrown)).not.toContain('so-secret');
    }
  });
});
