import { readFile } from 'node:fs/promises';
import type { Logger } from '../base/logger.ts';
import { isLoopback } from '../base/loopback.ts';
import { parserOf } from '../base/validate.ts';
import { SluiceError } from '../contract/errors.ts';
import { Name } from '../contract/names.ts';
import type { ListenerTls } from './network.ts';

/** How a workspace is set up. */
export interface WorkspaceOptions {
  /** Everything that the workspace keeps; made when missing. */
  stateFolder: string;
  /** Name in topics; default `local`. */
  name?: string;
  /** Host that both listeners bind; default 127.0.0.1. */
  host?: string;
  /** Default 5080; 0 takes any free port. */
  apiPort?: number;
  /** Default 5083; 0 takes any free port. */
  mqttPort?: number;
  /** A broker elsewhere, used instead of the embedded one. */
  externalBroker?: { url: string; username?: string; password?: string };
  /** Certificate (chain) and key, PEM files; both listeners then speak TLS. */
  tls?: { certificateFile: string; keyFile: string };
  /** Host that devices are told, when it is not the one bound. */
  publicHost?: string;
  logger: Logger;
  clock?: () => Date;
  /** Uniform in [0, 1); spreads reconnections. */
  random?: () => number;
}

/** Options with their defaults, checked. */
export interface WorkspaceSettings extends Omit<WorkspaceOptions, 'tls'> {
  name: Name;
  host: string;
  apiPort: number;
  mqttPort: number;
  clock: () => Date;
  random: () => number;
  tls: ListenerTls | undefined;
}

const nameParser = parserOf(Name, { what: 'workspace name', code: 'invalid_name' });

/** Fills in defaults and reads the certificate. Throws `invalid_name`, `insecure_listener` or `usage`. */
export async function resolveOptions(options: WorkspaceOptions): Promise<WorkspaceSettings> {
  const host = options.host ?? '127.0.0.1';
  if (options.tls === undefined && !isLoopback(host)) {
    throw new SluiceError(
      'insecure_listener',
      `workspace: ${host} can be reached from other machines, so it needs TLS; pass --tls-certificate and --tls-key, or keep --host 127.0.0.1`,
    );
  }
  return {
    ...options,
    name: nameParser.parse(options.name ?? 'local'),
    host,
    apiPort: options.apiPort ?? 5080,
    mqttPort: options.mqttPort ?? 5083,
    clock: options.clock ?? (() => new Date()),
    random: options.random ?? Math.random,
    tls: options.tls === undefined ? undefined : await readTls(options.tls),
  };
}

async function readTls(files: { certificateFile: string; keyFile: string }): Promise<ListenerTls> {
  try {
    return { cert: await readFile(files.certificateFile), key: await readFile(files.keyFile) };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('usage', `workspace: certificate or key cannot be read (${reason})`, {
      cause: thrown,
    });
  }
}
