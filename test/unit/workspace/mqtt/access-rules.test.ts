import { describe, expect, it } from 'vitest';
import { AccessRules } from '../../../../workspace/mqtt/access-rules.ts';

const rules = new AccessRules('w');

describe('access rules', () => {
  it.each([
    ['sluice/v1/w/d/one/up/presence', true],
    ['sluice/v1/w/d/one/up/tele/score', true],
    ['sluice/v1/w/d/one/up', false],
    ['sluice/v1/w/d/one/dn/desired', false],
    ['sluice/v1/w/d/one2/up/presence', false],
    ['sluice/v1/w/d/two/up/presence', false],
    ['sluice/v1/v/d/one/up/presence', false],
    ['sluice/v1/w/all/trust', false],
    ['$SYS/x', false],
    ['', false],
  ])('publishing on %s: %s', (topic, expected) => {
    expect(rules.mayPublish('one', topic)).toBe(expected);
  });

  it.each([
    ['sluice/v1/w/d/one/dn/desired', true],
    ['sluice/v1/w/d/one/dn/#', true],
    ['sluice/v1/w/d/one/dn/+', true],
    ['sluice/v1/w/all/#', true],
    ['sluice/v1/w/all/trust', true],
    ['sluice/v1/w/d/+/dn/desired', false],
    ['sluice/v1/w/d/one/#', false],
    ['sluice/v1/w/d/one/up/presence', false],
    ['sluice/v1/w/#', false],
    ['sluice/v1/+/all/#', false],
    ['#', false],
    ['+', false],
  ])('reading %s: %s', (filter, expected) => {
    expect(rules.maySubscribe('one', filter)).toBe(expected);
  });
});
