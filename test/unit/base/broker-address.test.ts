import { parse } from 'node:url';
import { expect, it } from 'vitest';
import { brokerAddress } from '../../../base/broker-address.ts';

it.each([
  ['mqtt://127.0.0.1:5083', { protocol: 'mqtt', host: '127.0.0.1', port: 5083 }],
  ['mqtts://broker.example', { protocol: 'mqtts', host: 'broker.example' }],
  ['mqtt://[::1]:1883/', { protocol: 'mqtt', host: '::1', port: 1883 }],
  ['mqtt://fleet@host', { protocol: 'mqtt', host: 'host', username: 'fleet' }],
  [
    'mqtts://a%40b:p%3A%2Fss@host:8884',
    { protocol: 'mqtts', host: 'host', port: 8884, username: 'a@b', password: 'p:/ss' },
  ],
  ['wss://host/mqtt?x=1', { protocol: 'wss', host: 'host', path: '/mqtt?x=1' }],
])('takes %s apart as url.parse does', (url, expected) => {
  const address = brokerAddress(url);
  expect(address).toEqual(expected);
  const { protocol, hostname, port, auth } = parse(url);
  const credentials = [address.username, address.password].filter((text) => text !== undefined).join(':');
  expect([`${address.protocol}:`, address.host, `${address.port ?? ''}`, credentials]).toEqual([
    ...[protocol, hostname, port ?? '', auth ?? ''],
  ]);
});

it('says what is no URL', () => {
  expect(() => brokerAddress('broker')).toThrow(TypeError);
});
