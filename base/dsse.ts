import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { SluiceError } from '../contract/errors.ts';
import { SignedEnvelope } from '../contract/messages.ts';
import { parserOf } from './validate.ts';

const envelopeParser = parserOf(SignedEnvelope, { what: 'signed envelope', code: 'signature_invalid' });

/** Pre-authentication encoding of DSSE 1.0: what the signature covers. */
function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Key id: SHA-256 of the public key's SPKI form, in hexadecimal. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Signs a JSON payload with an Ed25519 key; the bytes are the JSON text of an envelope. */
export function signEnvelope(options: { payloadType: string; payload: unknown; key: KeyObject }): Uint8Array {
  const payload = Buffer.from(JSON.stringify(options.payload));
  const signature = sign(null, preAuthenticationEncoding(options.payloadType, payload), options.key);
  const envelope: SignedEnvelope = {
    payloadType: options.payloadType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: keyIdOf(options.key), sig: signature.toString('base64') }],
  };
  return Buffer.from(JSON.stringify(envelope));
}

/**
 * Opens an envelope: one signature by a trusted key over this payload type is enough.
 * Returns the payload's bytes, unparsed. Throws `signature_invalid`.
 */
export function openEnvelope(options: {
  bytes: Uint8Array;
  payloadType: string;
  trustedKeys: ReadonlyMap<string, KeyObject>;
}): Uint8Array {
  const envelope = envelopeParser.parseJson(options.bytes);
  if (envelope.payloadType !== options.payloadType) {
    throw new SluiceError(
      'signature_invalid',
      `signed envelope: payload type ${envelope.payloadType}, ${options.payloadType} expected`,
    );
  }
  const payload = Buffer.from(envelope.payload, 'base64');
  const covered = preAuthenticationEncoding(envelope.payloadType, payload);
  const trusted = envelope.signatures.some(({ keyid, sig }) => {
    const key = options.trustedKeys.get(keyid);
    return key !== undefined && verify(null, covered, key, Buffer.from(sig, 'base64'));
  });
  if (!trusted) {
    const ids = envelope.signatures.map(({ keyid }) => keyid.slice(0, 12)).join(', ');
    throw new SluiceError(
      'signature_invalid',
      `signed envelope: no valid signature by a trusted key (signed by ${ids})`,
    );
  }
  return payload;
}
