import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { fastify } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { httpCall } from '../../../../agent/scoring/exchange.ts';

it('does the work after an answer also for a pipelined request whose client is gone', async () => {
  const app = fastify();
  onTestFinished(() => app.close());
  const done: string[] = [];
  const events = new EventEmitter();
  const [under, over, released] = ['under', 'over', 'released'].map((name) => once(events, name));
  app.get('/:name', async (request, reply) => {
    const { name } = request.params as { name: string };
    httpCall(request, reply).exchange.afterAnswer(() => {
      done.push(name);
      if (done.length === 2) events.emit('over');
    });
    if (name === 'second') events.emit('under');
    await released;
    return name;
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET /first HTTP/1.1\r\nhost: a\r\n\r\nGET /second HTTP/1.1\r\nhost: a\r\n\r\n');
  await under;
  socket.destroy();
  await over;
  events.emit('released');
  expect(done.sort()).toEqual(['first', 'second']);
});
