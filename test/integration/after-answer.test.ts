import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { httpCall } from '../../agent/scoring/exchange.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

it('what shall be done after an answer is done when its client leaves while it waits for an earlier one', async () => {
  const app = fastify();
  onTestFinished(() => app.close());
  let computed = (): void => undefined;
  const isComputed = new Promise<void>((resolve) => {
    computed = resolve;
  });
  let doneCount = 0;
  app.get('/never', () => new Promise(() => undefined));
  app.get('/second', async (request, reply) => {
    httpCall(request, reply).exchange.afterAnswer(() => {
      doneCount += 1;
    });
    computed();
    return 'answer';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(get('/never') + get('/second'));
  await isComputed;
  expect(doneCount).toBe(0);
  socket.destroy();
  await once(socket, 'close');
  await expect.poll(() => doneCount).toBe(1);
});
