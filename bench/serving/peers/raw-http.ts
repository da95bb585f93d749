import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerOf, type InferBody, openSession, runSession } from './direct-session.ts';

// The least that Node's HTTP server can do around a session on the event loop: JSON by JSON.parse and
// JSON.stringify, or the bytes of the tensor alone, whose shape stands in the query.

const session = await openSession(process.argv[2]);

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/raw') {
    const shape = (searchParams.get('shape') ?? '').split(',').map(Number);
    const values = new Float32Array(body.buffer, body.byteOffset, body.length / 4);
    const output = await runSession(session, values, shape);
    const { byteLength } = output.values;
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': byteLength });
    response.end(Buffer.from(output.values.buffer, output.values.byteOffset, byteLength));
    return;
  }
  const { inputs } = JSON.parse(body.toString('utf8')) as InferBody;
  const output = await runSession(session, Float32Array.from(inputs[0].data), inputs[0].shape);
  const text = JSON.stringify(answerOf(output));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

const server = createServer((request, response) => {
  answer(request, response).catch((thrown: unknown) => {
    response.writeHead(500);
    response.end(String(thrown));
  });
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'listening', port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));
