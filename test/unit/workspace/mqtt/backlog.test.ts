import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../../workspace/mqtt/backlog.ts';

describe('a backlog', () => {
  it('counts what is on its way to each device', () => {
    const backlog = new Backlog('w');
    const first = backlog.add('sluice/v1/w/d/one/dn/blk', 100);
    const second = backlog.add('sluice/v1/w/d/one/dn/desired', 10);
    backlog.add('sluice/v1/w/d/two/dn/blk', 1);
    backlog.add('sluice/v1/w/all/trust', 5);
    expect([backlog.bytes('one'), backlog.bytes('two'), backlog.bytes('all')]).toEqual([110, 1, 0]);
    first();
    expect(backlog.bytes('one')).toBe(10);
    second();
    expect(backlog.bytes('one')).toBe(0);
  });
});
