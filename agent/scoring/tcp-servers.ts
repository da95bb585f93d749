import { lookup } from 'node:dns/promises';
import type { Server } from 'node:net';
import type { Logger } from '../../base/logger.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';

/** Where servers shall listen. */
export interface TcpPlace {
  host: string;
  port: number;
  /** Name of the option that chooses the port, for messages. */
  option: string;
}

/**
 * Has a server listen on each of a host's addresses, all at one port; resolves with the port. Throws `port_in_use` or
 * `usage`; servers that listen by then are the caller's to close.
 */
export async function listenTcp(
  makeServer: () => Server,
  { host, port, option }: TcpPlace,
  log: Logger,
): Promise<number> {
  const [first, ...others] = await addressesOf(host);
  const bound = await listenAt(makeServer(), { host: first ?? host, port, option });
  for (const other of others) {
    // `localhost` is served on each of its addresses that this machine has.
    await listenAt(makeServer(), { host: other, port: bound, option }).catch((thrown: unknown) => {
      log.debug({ host: other, reason: toSluiceError(thrown).message }, 'not listening there');
    });
  }
  return bound;
}

/** Resolves when a server listens that `listen` tells to. Rejects with the error of the system. */
export function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}

/** Takes no more connections; resolves when there are none. A server that never listened is closed as well. */
export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

async function listenAt(server: Server, place: TcpPlace): Promise<number> {
  const { host, port } = place;
  try {
    await listening(server, () => server.listen({ host, port }));
  } catch (thrown) {
    throw asTcpError(thrown, place);
  }
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

async function addressesOf(host: string): Promise<string[]> {
  if (host !== 'localhost') return [host];
  const addresses = await lookup(host, { all: true });
  return [...new Set(addresses.map(({ address }) => address))];
}

function asTcpError(thrown: unknown, { host, port, option }: TcpPlace): unknown {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new SluiceError(
      'port_in_use',
      `port ${port} on ${host} is in use by another program; stop it or choose another with ${option}`,
      { cause: thrown },
    );
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new SluiceError('usage', `--host ${host} ${option} ${port}: ${message}`, { cause: thrown });
  }
  return thrown;
}
