import type { FastifyReply } from 'fastify';

/**
 * Calls back once: after the answer, or when the connection is gone. An answer that still waits for an earlier one
 * of a pipelining client does not hear of the connection's end from Node.
 */
export function whenOver(reply: FastifyReply, callback: () => void): void {
  const { socket } = reply.request.raw;
  if (socket.destroyed) {
    callback();
    return;
  }
  // A client may pipeline more requests than Node takes for a leak of listeners.
  socket.setMaxListeners(0);
  let isOver = false;
  const over = (): void => {
    // One ends the other: what is taken off while it is being told is told all the same.
    if (isOver) return;
    isOver = true;
    socket.off('close', over);
    reply.raw.off('close', over);
    callback();
  };
  socket.on('close', over);
  reply.raw.on('close', over);
}
