import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { fastify } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { onRequestEnd } from '../../../../agent/observe/request-end.ts';

it('tells once of each request, also of pipelined ones whose client is gone', async () => {
  const app = fastify();
  onTestFinished(() => app.close());
  const told: [string, number][] = [];
  const events = new EventEmitter();
  const [under, over, released] = ['under', 'over', 'released'].map((name) => once(events, name));
  onRequestEnd(app, ({ request, status }) => {
    told.push([request.url, status]);
    if (told.length === 3) events.emit('over');
  });
  app.get('/answered', () => 'answer');
  app.get('/first', async () => {
    await released;
    return 'late';
  });
  app.get('/second', async () => {
    events.emit('under');
    await released;
    return 'late';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
  socket.write(get('/answered'));
  await once(socket, 'data');
  socket.write(get('/first') + get('/second'));
  await under;
  socket.destroy();
  await over;
  events.emit('released');
  await app.close();
  expect(told.sort()).toEqual([
    ['/answered', 200],
    ['/first', 499],
    ['/second', 499],
  ]);
});
