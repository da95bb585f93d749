import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyIdOf, openEnvelope, signEnvelope } from '../../../base/dsse.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const payloadType = 'application/test+json';
const trustedKeys = new Map([[keyIdOf(publicKey), publicKey]]);
const bytes = signEnvelope({ payloadType, payload: { a: 1 }, key: privateKey });

function tampered(
  change: (envelope: {
    payload: string;
    payloadType: string;
    signatures: { sig: string; keyid: string }[];
  }) => void,
) {
  const envelope = JSON.parse(Buffer.from(bytes).toString());
  change(envelope);
  return Buffer.from(JSON.stringify(envelope));
}

describe('signed envelopes', () => {
  it('give back what was signed', () => {
    const payload = openEnvelope({ bytes, payloadType, trustedKeys });
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ a: 1 });
  });

  it('follow the pre-authentication encoding of DSSE 1.0', async () => {
    const { verify } = await import('node:crypto');
    const envelope = JSON.parse(Buffer.from(bytes).toString());
    const covered = Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} 7 {"a":1}`);
    expect(verify(null, covered, publicKey, Buffer.from(envelope.signatures[0].sig, 'base64'))).toBe(true);
  });

  const stranger = generateKeyPairSync('ed25519');
  it.each([
    [
      'another payload',
      tampered((envelope) => {
        envelope.payload = Buffer.from('{"a":2}').toString('base64');
      }),
    ],
    [
      'another payload type',
      tampered((envelope) => {
        envelope.payloadType = 'application/other';
      }),
    ],
    [
      'a foreign signature under a trusted key id',
      tampered((envelope) => {
        const other = JSON.parse(
          Buffer.from(signEnvelope({ payloadType, payload: { a: 1 }, key: stranger.privateKey })).toString(),
        );
        for (const signature of envelope.signatures) signature.sig = other.signatures[0].sig;
      }),
    ],
    ['an unknown key', signEnvelope({ payloadType, payload: { a: 1 }, key: stranger.privateKey })],
    [
      'no signature',
      tampered((envelope) => {
        envelope.signatures.length = 0;
      }),
    ],
    ['half an envelope', bytes.subarray(0, bytes.length / 2)],
  ])('refuse %s', (_, envelope) => {
    expect(() => openEnvelope({ bytes: envelope, payloadType, trustedKeys })).toThrowError(
      expect.objectContaining({ code: 'signature_invalid' }),
    );
  });
});
