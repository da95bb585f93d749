import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';

/** Looks at a request before its body is taken in, and refuses it by throwing. */
export type Gate = (request: FastifyRequest, reply: FastifyReply) => void;

/** A gate as a hook that takes no turn of the event loop. */
export function asHook(gate: Gate): onRequestHookHandler {
  return (request, reply, done) => {
    try {
      gate(request, reply);
    } catch (thrown) {
      done(thrown as Error);
      return;
    }
    done();
  };
}

/** Adds a gate for every request, behind those that are there. */
export function onRequest(app: FastifyInstance, gate: Gate): void {
  app.addHook('onRequest', asHook(gate));
}
