import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DesiredAudience, DesiredState } from '../../../../agent/link/desired.ts';
import { keyIdOf, signEnvelope } from '../../../../base/dsse.ts';
import { createLogger } from '../../../../base/logger.ts';
import { type DesiredDocument, desiredPayloadType } from '../../../../contract/messages.ts';
import { seededFractions } from '../../../support/fractions.ts';
import { temporaryFolder } from '../../../support/paths.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519').privateKey;
const audience: DesiredAudience = {
  workspace: 'local',
  device: 'd1',
  epoch: 'e1',
  trustedKeys: new Map([[keyIdOf(publicKey), publicKey]]),
};

function document(generation: number, changes: Partial<DesiredDocument> = {}): DesiredDocument {
  const blob = { digest: `sha256:${generation.toString(16).padStart(64, '0')}`, size: 10 };
  return {
    schemaVersion: 1,
    workspace: 'local',
    device: 'd1',
    version: { epoch: 'e1', generation },
    issuedAt: '2026-01-01T00:00:00.000Z',
    deployments: [{ name: 'fashion', image: blob, signature: blob }],
    ...changes,
  };
}

function signed(payload: unknown, key = privateKey, payloadType = desiredPayloadType): Uint8Array {
  return signEnvelope({ payloadType, payload, key });
}

async function stateIn(stateFolder: string, whom = audience): Promise<DesiredState> {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const state = new DesiredState({ stateFolder, audience: () => whom, logger });
  await state.start();
  return state;
}

describe('DesiredState', () => {
  it('accepts growing generations, ignores repetition, refuses older ones', async () => {
    const state = await stateIn(temporaryFolder());
    expect(state.current).toBeUndefined();
    expect(await state.accept(signed(document(3)))).toBe(true);
    expect(await state.accept(signed(document(3, { issuedAt: '2026-02-01T00:00:00.000Z' })))).toBe(false);
    await expect(state.accept(signed(document(2)))).rejects.toMatchObject({ code: 'desired_stale' });
    expect(await state.accept(signed(document(4)))).toBe(true);
    expect(state.current?.version.generation).toBe(4);
  });

  it('refuses two documents of one generation', async () => {
    const state = await stateIn(temporaryFolder());
    await state.accept(signed(document(3)));
    const other = signed(document(3, { deployments: [] }));
    await expect(state.accept(other)).rejects.toMatchObject({ code: 'desired_invalid' });
  });

  it.each([
    ['another device', signed(document(1, { device: 'd2' })), 'desired_invalid'],
    ['another workspace', signed(document(1, { workspace: 'other' })), 'desired_invalid'],
    ['another epoch', signed(document(1, { version: { epoch: 'e0', generation: 9 } })), 'desired_invalid'],
    ['a field missing', signed({ ...document(1), deployments: undefined }), 'desired_invalid'],
    ['an unknown field', signed({ ...document(1), extra: 1 }), 'desired_invalid'],
    [
      'one name twice',
      signed(document(1, { deployments: [...document(1).deployments, ...document(1).deployments] })),
      'desired_invalid',
    ],
    ['an unknown key', signed(document(1), stranger), 'signature_invalid'],
    ['another payload type', signed(document(1), privateKey, 'text/plain'), 'signature_invalid'],
    ['no envelope', Buffer.from('hello'), 'signature_invalid'],
    ['too many bytes', Buffer.alloc(17 * 1024, 32), 'desired_invalid'],
  ])('refuses %s and keeps what it has', async (_what, envelope, code) => {
    const state = await stateIn(temporaryFolder());
    await expect(state.accept(envelope)).rejects.toMatchObject({ code });
    expect(state.current).toBeUndefined();
  });

  it('remembers over restarts, and sets a damaged file aside', async () => {
    const folder = temporaryFolder();
    await (await stateIn(folder)).accept(signed(document(5)));
    const again = await stateIn(folder);
    expect(again.current).toEqual(document(5));
    await expect(again.accept(signed(document(4)))).rejects.toMatchObject({ code: 'desired_stale' });
    await writeFile(join(folder, 'desired.json'), signed(document(6), stranger));
    expect((await stateIn(folder)).current).toBeUndefined();
    expect((await stateIn(folder)).current).toBeUndefined();
  });

  it('takes a lower generation of a new epoch once that epoch is known', async () => {
    const folder = temporaryFolder();
    const whom = { ...audience };
    const state = await stateIn(folder, whom);
    await state.accept(signed(document(50)));
    whom.epoch = 'e2';
    const restored = document(1, { version: { epoch: 'e2', generation: 1 } });
    expect(await state.accept(signed(restored))).toBe(true);
    await expect(state.accept(signed(document(51)))).rejects.toMatchObject({ code: 'desired_invalid' });
  });

  it('ends in the same state for any order and repetition of the same documents', async () => {
    const random = seededFractions(11);
    const envelopes = [1, 2, 3, 4].map((generation) => signed(document(generation)));
    for (let trial = 0; trial < 20; trial += 1) {
      const state = await stateIn(temporaryFolder());
      const messages = [...envelopes, ...envelopes].sort(() => random() - 0.5);
      for (const message of messages) await state.accept(message).catch(() => undefined);
      expect(state.current).toEqual(document(4));
    }
  });
});
