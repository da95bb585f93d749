import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signEnvelope } from '../../../../base/dsse.ts';
import { parserOf } from '../../../../base/validate.ts';
import { limits } from '../../../../contract/limits.ts';
import { DesiredDocument, desiredPayloadType } from '../../../../contract/messages.ts';
import {
  desiredEndpoints,
  dividedShares,
  sharesAfter,
  sharesWith,
} from '../../../../workspace/deployments/endpoint-shares.ts';
import type { EndpointRecord, Share } from '../../../../workspace/storage/endpoints.ts';

const none = new Map<string, Share>();

describe('shares of an endpoint', () => {
  it('are either traffic or copies', () => {
    const shares = sharesAfter(none, {
      traffic: { blue: 90, green: 10, red: 0, white: 0 },
      mirror: { red: 20, blue: 0 },
    });
    expect(dividedShares(shares)).toEqual({
      traffic: { blue: 90, green: 10, white: 0 },
      mirror: { red: 20 },
    });
  });

  it('leave what is not named in the endpoint, with nothing', () => {
    const first = sharesAfter(none, { traffic: { blue: 100 }, mirror: { green: 50 } });
    const second = sharesAfter(sharesWith(first, 'red'), { traffic: { green: 100 } });
    expect(dividedShares(second)).toEqual({ traffic: { blue: 0, green: 100, red: 0 }, mirror: {} });
    expect(dividedShares(sharesAfter(second, { traffic: {} })).traffic).toEqual({
      blue: 0,
      green: 0,
      red: 0,
    });
  });

  it.each([
    ['traffic below 100', { traffic: { blue: 99 } }, 'invalid_request'],
    ['traffic above 100', { traffic: { blue: 100, green: 1 } }, 'invalid_request'],
    ['copies above 50', { traffic: { blue: 100 }, mirror: { green: 26, red: 25 } }, 'invalid_request'],
    ['both for one', { traffic: { blue: 100 }, mirror: { blue: 10 } }, 'invalid_request'],
    [
      'too many',
      { traffic: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`d${index}`, 0])) },
      'limit_exceeded',
    ],
  ])('refuse %s', (_what, request, code) => {
    expect(() => sharesAfter(none, request)).toThrowError(expect.objectContaining({ code }));
  });
});

describe('endpoints of a device', () => {
  const record = (name: string, deployments: [string, Share][], keys: EndpointRecord['keys']) => ({
    name,
    shares: new Map(deployments),
    keys,
    createdAt: '',
    updatedAt: '',
  });

  it('are those of its deployments, and tell nothing of others, nor when keys were made', () => {
    const key = (hash: string) => ({ hash, createdAt: '2026-01-01T00:00:00.000Z' });
    const keys = { primary: key('aa'), secondary: key('bb') };
    const endpoints = [
      record('other', [['grey', { traffic: 100, mirror: 0 }]], null),
      record(
        'shop',
        [
          ['blue', { traffic: 90, mirror: 0 }],
          ['far', { traffic: 10, mirror: 0 }],
          ['green', { traffic: 0, mirror: 5 }],
        ],
        keys,
      ),
    ];
    expect(desiredEndpoints(endpoints, new Set(['blue', 'green', 'free']))).toEqual([
      { name: 'shop', traffic: { blue: 90 }, mirror: { green: 5 }, keys: { primary: 'aa', secondary: 'bb' } },
    ]);
  });

  it('fit into a desired document whatever their number and names', () => {
    const longest = (index: number) => `${String(index).padStart(3, '0')}${'x'.repeat(60)}`;
    const blob = { digest: `sha256:${'f'.repeat(64)}`, size: limits.blobBytesMax };
    const indices = Array.from({ length: limits.deploymentsPerDeviceMax }, (_, index) => index);
    const hash = { hash: 'f'.repeat(64), createdAt: '' };
    const payload: DesiredDocument = {
      schemaVersion: 1,
      workspace: longest(0),
      device: longest(1),
      version: { epoch: 'e'.repeat(64), generation: Number.MAX_SAFE_INTEGER },
      issuedAt: '2026-01-01T00:00:00.000Z',
      deployments: indices.map((index) => ({
        ...{ name: longest(index), image: blob, signature: blob },
        collect: { collections: ['request', 'response', 'inputs', 'outputs'], samplingRate: 0.0001 },
      })),
      endpoints: desiredEndpoints(
        indices.map((index) =>
          record(longest(100 + index), [[longest(index), { traffic: 100, mirror: 0 }]], {
            primary: hash,
            secondary: hash,
          }),
        ),
        new Set(indices.map(longest)),
      ),
    };
    parserOf(DesiredDocument, { what: 'document', code: 'desired_invalid' }).parse(payload);
    const { privateKey: key } = generateKeyPairSync('ed25519');
    const { length } = signEnvelope({ payloadType: desiredPayloadType, payload, key });
    expect(length).toBeLessThanOrEqual(limits.desiredDocumentBytesMax);
    expect(length).toBeGreaterThan(limits.desiredDocumentBytesMax / 2);
  });
});
