import type { FastifyInstance } from 'fastify';

/** Cuts a connection whose client takes nothing of its answer for so long; nothing else would ever end it. */
export function cutUnreadAnswers(app: FastifyInstance, { unreadMs }: { unreadMs: number }): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { socket } = request.raw;
    // Counts from the last byte that was taken, and hangs up when nobody listens to the event.
    socket.setTimeout(unreadMs);
    // Before Node sets the time that the connection may be idle.
    reply.raw.prependOnceListener('finish', () => socket.setTimeout(0));
    done();
  });
}
