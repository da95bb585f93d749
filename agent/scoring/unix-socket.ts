import { lstat, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { SluiceError } from '../../contract/errors.ts';
import type { SocketSettings } from './listener-settings.ts';

/** Bytes of a path that the system's `sockaddr_un` holds beside its final zero. */
export const socketPathBytesMax = process.platform === 'linux' ? 107 : 103;

/**
 * Makes a path free to listen on: removes the socket of a process that is gone, which a kill or a power cut leaves
 * behind. Throws `usage` for a path that is too long or holds something else, `port_in_use` when somebody answers.
 */
export async function claimSocket(path: string, options: { probeMs: number }): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > socketPathBytesMax) {
    throw new SluiceError(
      'usage',
      `--socket ${path}: ${bytes} bytes; at most ${socketPathBytesMax} expected`,
    );
  }
  const found = await lstat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw new SluiceError('usage', `--socket ${path}: ${thrown.message}`, { cause: thrown });
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new SluiceError('usage', `--socket ${path}: there is a file of another kind; choose another path`);
  }
  const refusal = await probe(path, options.probeMs);
  if (refusal === 'ENOENT') return;
  if (refusal === 'ECONNREFUSED') {
    await rm(path, { force: true });
    return;
  }
  if (refusal === 'EACCES' || refusal === 'EPERM') {
    throw new SluiceError('usage', `--socket ${path}: a socket of another user; choose another path`);
  }
  throw new SluiceError(
    'port_in_use',
    `--socket ${path}: another program listens on it; stop it or choose another`,
  );
}

/** Why nobody could be reached; undefined when somebody was, or may be there and is busy. */
function probe(path: string, probeMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (reason: string | undefined): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(probeMs, () => settle(undefined));
    socket.once('connect', () => settle(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code));
  });
}

/** The process's mask with which a socket's file gets exactly `mode`. */
export function maskFor(mode: number): number {
  return 0o777 & ~mode;
}

/** Does something synchronous with another mask for the files of this process, and of those that it starts. */
export function withMask<Result>(mask: number, work: () => Result): Result {
  const before = process.umask(mask);
  try {
    return work();
  } finally {
    process.umask(before);
  }
}

/**
 * Listens on a socket. The file has its mode from the first moment on: nothing else of this process is made between
 * the two changes of the mask, because binding is synchronous.
 */
export function bindSocket(server: Server, { path, mode }: SocketSettings): void {
  withMask(maskFor(mode), () => server.listen({ path }));
}
