import { describe, expect, it } from 'vitest';
import { isLoopback } from '../../../base/loopback.ts';
import { authority } from '../../../workspace/network.ts';

describe('hosts', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.168.0.1', false],
    ['example.org', false],
    ['127.0.0.1.example.org', false],
  ])('%s is loopback: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });

  it('get brackets when they are IPv6', () => {
    expect(authority({ host: '::1', port: 80 })).toBe('[::1]:80');
    expect(authority({ host: '127.0.0.1', port: 80 })).toBe('127.0.0.1:80');
  });
});
