import type { Server } from 'node:net';
import { isIP } from 'node:net';
import { SluiceError } from '../contract/errors.ts';

/** A listener's certificate and private key, PEM. */
export interface ListenerTls {
  cert: Buffer;
  key: Buffer;
}

/** Whether a listener's host stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** `host:port` for a URL; IPv6 addresses get their brackets. */
export function authority(options: { host: string; port: number }): string {
  return `${isIP(options.host) === 6 ? `[${options.host}]` : options.host}:${options.port}`;
}

/** Starts a listener and gives its port. Throws `port_in_use` with the flag that chooses another port. */
export async function listen(
  server: Server,
  options: { host: string; port: number; flag: string },
): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: options.host, port: options.port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (thrown) {
    throw asListenError(thrown, options);
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : options.port;
}

/** Names a taken port by its code and the flag that moves it; anything else passes unchanged. */
export function asListenError(
  thrown: unknown,
  options: { host: string; port: number; flag: string },
): unknown {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code !== 'EADDRINUSE') return thrown;
  return new SluiceError(
    'port_in_use',
    `workspace: port ${options.port} on ${options.host} is taken by another program; stop it or choose another with ${options.flag}`,
    { cause: thrown },
  );
}
