import { describe, expect, it } from 'vitest';
import { filterContains, filterMatches } from '../../../../workspace/mqtt/topic-filters.ts';

describe('filterContains', () => {
  it.each([
    ['a/#', 'a/b', true],
    ['a/#', 'a/+/c', true],
    ['a/#', 'a/#', true],
    ['a/#', 'a', true],
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a/+/c', true],
    ['a/#', '#', false],
    ['a/#', '+/b', false],
    ['a/+', 'a/#', false],
    ['a/+', 'a/b/c', false],
    ['a/b', 'a/+', false],
    ['a/+/c', 'a/#', false],
    ['a/b/c', 'a/b', false],
    ['a/#', 'A/b', false],
    ['a/#', '', false],
    ['a/#', '/a/b', false],
  ])('%s contains %s: %s', (outer, inner, expected) => {
    expect(filterContains(outer, inner)).toBe(expected);
  });

  it('agrees with matching: what a contained filter matches, the containing one matches', () => {
    const levels = ['a', 'b', '+', '#'];
    const filters = levels.flatMap((one) =>
      one === '#'
        ? [one]
        : [one, ...levels.flatMap((two) => (two === '#' ? [`${one}/#`] : [`${one}/${two}`]))],
    );
    const topics = ['a', 'b', 'a/a', 'a/b', 'b/a', 'a/b/c', 'c'];
    for (const outer of filters) {
      for (const inner of filters) {
        const counterexample = topics.find(
          (topic) => filterMatches(inner, topic) && !filterMatches(outer, topic),
        );
        if (filterContains(outer, inner))
          expect([outer, inner, counterexample]).toEqual([outer, inner, undefined]);
      }
    }
  });
});
