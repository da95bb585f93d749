import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from '#typebox';
import { keyIdOf } from '../../base/dsse.ts';
import { isNotFound, writeFileDurably } from '../../base/durable-files.ts';
import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import { DeviceBootstrap } from '../../contract/workspace-api.ts';
import { checkTransport, fetchBootstrap } from './bootstrap.ts';

/** `identity.json`: who this device is, how it reaches its workspace and whom it trusts. */
const IdentityFile = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    workspaceUrl: Type.String(),
    token: Type.String({ minLength: 1 }),
    bootstrap: DeviceBootstrap,
  },
  { additionalProperties: false },
);
type IdentityFile = Type.Static<typeof IdentityFile>;

const identityParser = parserOf(IdentityFile, { what: 'identity.json', code: 'state_invalid' });

/** Ed25519 public keys by key id. */
export type TrustedKeys = ReadonlyMap<string, KeyObject>;

/** Who this device is, with its keys parsed. */
export interface Identity {
  workspaceUrl: string;
  workspace: string;
  device: string;
  token: string;
  mqttUrl: string;
  trustedKeys: TrustedKeys;
  epoch: string;
}

/** What a start knows from outside; anything missing comes from the stored identity. */
export interface IdentitySource {
  stateFolder: string;
  device: string;
  workspaceUrl?: string;
  token?: string;
  ca?: Buffer;
  timeoutMs: number;
  bytesMax: number;
  /** Ends a question to the workspace. */
  signal: AbortSignal;
}

/** The identity of an earlier start. Throws `state_invalid` when it is damaged or another device's. */
export async function loadIdentity(source: IdentitySource): Promise<Identity | undefined> {
  const path = identityPath(source);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  }
  const file = identityParser.parseJson(bytes);
  if (file.bootstrap.device !== source.device) {
    throw new SluiceError(
      'state_invalid',
      `${path}: the state of device ${file.bootstrap.device}, not ${source.device}; give each device a state folder of its own`,
    );
  }
  return toIdentity(file);
}

/**
 * Asks the workspace and stores its answer durably, readable by this user only.
 * `known` supplies what the start does not say. Throws what `fetchBootstrap` throws, and
 * `workspace_unreachable` when nobody says where the workspace is.
 */
export async function refreshIdentity(
  source: IdentitySource,
  known: Identity | undefined,
): Promise<Identity> {
  const workspaceUrl = source.workspaceUrl ?? known?.workspaceUrl;
  const token = source.token ?? known?.token;
  if (workspaceUrl === undefined || token === undefined) {
    throw new SluiceError(
      'workspace_unreachable',
      `device ${source.device}: it has never met a workspace; pass --workspace URL and --token TOKEN at the first start`,
    );
  }
  const { device, timeoutMs, bytesMax, signal } = source;
  const ca = source.ca === undefined ? {} : { ca: source.ca };
  const bootstrap = await fetchBootstrap({ workspaceUrl, device, token, timeoutMs, bytesMax, signal, ...ca });
  const file: IdentityFile = { schemaVersion: 1, workspaceUrl, token, bootstrap };
  const identity = toIdentity(file);
  await writeFileDurably(identityPath(source), `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  return identity;
}

function identityPath(source: IdentitySource): string {
  return join(source.stateFolder, 'identity.json');
}

function toIdentity(file: IdentityFile): Identity {
  const { workspace, device, mqttUrl, epoch } = file.bootstrap;
  checkTransport(new URL(mqttUrl));
  const trustedKeys = new Map(
    Object.entries(file.bootstrap.trustedKeys).map(([id, pem]) => [id, parseKey(id, pem)] as const),
  );
  const { workspaceUrl, token } = file;
  return { workspaceUrl, workspace, device, token, mqttUrl, trustedKeys, epoch };
}

function parseKey(id: string, pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPublicKey(pem);
  } catch {
    // Falls through: the message below says all that matters.
  }
  if (key?.asymmetricKeyType !== 'ed25519' || keyIdOf(key) !== id) {
    throw new SluiceError('state_invalid', `trusted key ${id.slice(0, 12)}: not an Ed25519 key of that id`);
  }
  return key;
}
