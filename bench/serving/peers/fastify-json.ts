import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { answerOf, type InferBody, openSession, runSession } from './direct-session.ts';

// What one writes first: Fastify's own JSON in and out, around a session on the event loop.

const bodyLimit = 64 * 1024 * 1024;
const session = await openSession(process.argv[2]);
const app = fastify({ logger: false, bodyLimit });

app.post('/v2/models/bench/infer', async (request) => {
  const { inputs } = request.body as InferBody;
  return answerOf(await runSession(session, Float32Array.from(inputs[0].data), inputs[0].shape));
});

// Its answer is flat: a little less to do than to nest it.
app.post('/api/v1/service/bench/score', async (request) => {
  const { data } = request.body as { data: number[][][][] };
  const { values } = await runSession(session, Float32Array.from(data.flat(3)), shapeOf(data));
  return { output: Array.from(values) };
});

function shapeOf(data: unknown): number[] {
  return Array.isArray(data) ? [data.length, ...shapeOf(data[0])] : [];
}

await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ type: 'listening', port: (app.server.address() as AddressInfo).port });
process.on('disconnect', () => process.exit(0));
