import type { FastifyReply } from 'fastify';
import { releaseMemory } from '../../native/release-memory.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** What is to be called when it is over; null when it is, undefined when nobody asked. */
    whenOver?: (() => void)[] | null;
  }
}

/**
 * Calls back once: after the answer, or when the connection is gone; at once when that is so already. An answer that
 * still waits for an earlier one of a pipelining client does not hear of the connection's end from Node.
 */
export function whenOver(reply: FastifyReply, callback: () => void): void {
  const callbacks = reply.whenOver;
  if (callbacks === undefined) listen(reply, callback);
  else if (callbacks === null) callback();
  else callbacks.push(callback);
}

/** Frees the bytes of an answer once nobody looks at them any more; what is collected is read later, and stays. */
export function releaseAnswer(body: Uint8Array, reply: FastifyReply): void {
  if (reply.request.scored?.capture === undefined) whenOver(reply, () => releaseMemory(body));
}

function listen(reply: FastifyReply, first: () => void): void {
  const { socket } = reply.request.raw;
  if (socket.destroyed || reply.raw.closed) {
    first();
    return;
  }
  const callbacks = [first];
  reply.whenOver = callbacks;
  // A client may pipeline more requests than Node takes for a leak of listeners.
  socket.setMaxListeners(0);
  const over = (): void => {
    // One ends the other: what is taken off while it is being told is told all the same.
    if (reply.whenOver === null) return;
    reply.whenOver = null;
    socket.off('close', over);
    reply.raw.off('close', over);
    for (const callback of callbacks) callback();
  };
  socket.on('close', over);
  reply.raw.on('close', over);
}
