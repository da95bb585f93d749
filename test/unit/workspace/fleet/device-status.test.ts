import { describe, expect, it } from 'vitest';
import type { Presence, ReportedDocument } from '../../../../contract/messages.ts';
import { withPresence, withReported } from '../../../../workspace/fleet/device-status.ts';
import type { DeviceStatus } from '../../../../workspace/storage/devices.ts';

const at = '2030-01-01T00:00:00.000Z';
const nothing: DeviceStatus = { presence: null, reported: null };

function presence(state: Presence['state'], boot: string, connection: number): Presence {
  return { schemaVersion: 1, state, boot, connection };
}

function presenceAfter(...messages: Presence[]): DeviceStatus['presence'] {
  return messages.reduce((status, message) => withPresence(status, message, at), nothing).presence;
}

describe('presence', () => {
  it('follows a connection from online to lost', () => {
    expect(presenceAfter(presence('online', 'a', 1))).toEqual({ ...presence('online', 'a', 1), at });
    expect(presenceAfter(presence('online', 'a', 1), presence('lost', 'a', 1))?.state).toBe('lost');
    expect(presenceAfter(presence('online', 'a', 1), presence('stopping', 'a', 1))?.state).toBe('stopping');
  });

  it('does not believe the will of an earlier connection or of another boot', () => {
    expect(presenceAfter(presence('online', 'a', 2), presence('lost', 'a', 1))?.state).toBe('online');
    expect(presenceAfter(presence('online', 'b', 0), presence('lost', 'a', 7))?.state).toBe('online');
    expect(presenceAfter(presence('online', 'a', 2), presence('online', 'a', 1))?.connection).toBe(2);
  });

  it('ends the same, in whatever order a takeover delivers its messages', () => {
    const first = presence('online', 'a', 1);
    const will = presence('lost', 'a', 1);
    const second = presence('online', 'a', 2);
    for (const order of [
      [first, will, second],
      [first, second, will],
      [will, first, second],
      [first, second, will, will],
    ]) {
      expect(presenceAfter(...order)).toMatchObject({ state: 'online', connection: 2 });
    }
  });

  it('takes a new boot over', () => {
    expect(presenceAfter(presence('lost', 'a', 5), presence('online', 'b', 0))?.boot).toBe('b');
  });
});

function reported(boot: string, sequence: number): ReportedDocument {
  return {
    schemaVersion: 1,
    device: 'one',
    boot,
    sequence,
    reportedAt: at,
    seen: null,
    applied: null,
    refused: null,
    scoring: { state: 'down', port: 0, restarts: 0 },
    deployments: {},
    npu: null,
    disk: { freeBytes: 0 },
    agentVersion: '0',
  };
}

describe('reported documents', () => {
  it('replace older ones of the same boot and all of another', () => {
    const second = withReported(nothing, reported('a', 2));
    expect(withReported(second, reported('a', 1))).toBe(second);
    expect(withReported(second, reported('a', 3)).reported?.sequence).toBe(3);
    expect(withReported(second, reported('b', 0)).reported?.boot).toBe('b');
  });
});
