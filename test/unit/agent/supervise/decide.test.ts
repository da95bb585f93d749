import { describe, expect, it } from 'vitest';
import {
  type Action,
  type DecisionContext,
  type DeploymentView,
  decide,
} from '../../../../agent/supervise/decide.ts';
import type { Digest } from '../../../../contract/names.ts';

const [a, b]: [Digest, Digest] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
const context: DecisionContext = {
  isDesiredKnown: true,
  isScoringListening: true,
  mayFetch: true,
  nowMs: 1_000,
};

function view(changes: Partial<DeploymentView>): DeploymentView {
  return {
    name: 'fashion',
    wanted: null,
    active: null,
    running: null,
    fetched: null,
    quarantined: [],
    pulling: null,
    isSwitching: false,
    setback: null,
    ...changes,
  };
}

function decideOne(changes: Partial<DeploymentView>, also: Partial<DecisionContext> = {}): Action[] {
  return decide([view(changes)], { ...context, ...also });
}

const deployment = 'fashion';

describe('decide', () => {
  it('fetches, then activates, then rests', () => {
    expect(decideOne({ wanted: a })).toEqual([{ type: 'fetch', deployment, image: a }]);
    expect(decideOne({ wanted: a, fetched: a })).toEqual([{ type: 'activate', deployment, image: a }]);
    expect(decideOne({ wanted: a, fetched: a, active: a, running: a })).toEqual([]);
  });

  it('serves what served before, before it looks for anything new', () => {
    expect(decideOne({ wanted: b, active: a })).toEqual([{ type: 'activate', deployment, image: a }]);
    expect(decideOne({ wanted: b, active: a, running: a })).toEqual([
      { type: 'fetch', deployment, image: b },
    ]);
  });

  it('restores without a desired document, and removes nothing then', () => {
    const also = { isDesiredKnown: false };
    expect(decideOne({ active: a }, also)).toEqual([{ type: 'activate', deployment, image: a }]);
    expect(decideOne({ active: a, running: a }, also)).toEqual([]);
  });

  it('restores while a new image is being pulled', () => {
    const restore = { type: 'activate', deployment, image: a };
    expect(decideOne({ wanted: b, active: a, pulling: b })).toEqual([restore]);
    expect(decideOne({ wanted: b, active: a, running: a, pulling: b })).toEqual([]);
  });

  it('removes what is no longer desired', () => {
    expect(decideOne({ active: a, running: a })).toEqual([{ type: 'remove', deployment }]);
    expect(decideOne({ active: a, running: a, pulling: b })).toEqual([{ type: 'abort', deployment }]);
  });

  it('lets a newer document end a pull, but no activation', () => {
    expect(decideOne({ wanted: b, pulling: a })).toEqual([{ type: 'abort', deployment }]);
    expect(decideOne({ wanted: b, pulling: b })).toEqual([]);
    expect(decideOne({ wanted: b, isSwitching: true })).toEqual([]);
  });

  it('waits out a setback, and leaves a final one alone while the old image runs on', () => {
    const old = { wanted: b, active: a, running: a };
    const later = { image: b, retryAtMs: 2_000 };
    expect(decideOne({ ...old, setback: later })).toEqual([{ type: 'wait', deployment, untilMs: 2_000 }]);
    expect(decideOne({ ...old, setback: later }, { nowMs: 2_000 })).toEqual([
      { type: 'fetch', deployment, image: b },
    ]);
    expect(decideOne({ ...old, setback: { image: b, retryAtMs: null } })).toEqual([]);
    expect(decideOne({ ...old, wanted: a, setback: { image: b, retryAtMs: null } })).toEqual([]);
  });

  it('refuses a condemned image once', () => {
    const condemned = { wanted: b, active: a, running: a, quarantined: [b] };
    expect(decideOne(condemned)).toEqual([{ type: 'refuse', deployment, image: b }]);
    expect(decideOne({ ...condemned, setback: { image: b, retryAtMs: null } })).toEqual([]);
  });

  it('pulls while the scoring process is down, and switches nothing', () => {
    const also = { isScoringListening: false };
    expect(decideOne({ wanted: b, active: a }, also)).toEqual([{ type: 'fetch', deployment, image: b }]);
    expect(decideOne({ wanted: b, active: a, fetched: b }, also)).toEqual([]);
    expect(decideOne({ active: a }, also)).toEqual([]);
  });

  it('pulls one image and switches one deployment at a time, those to be restored first', () => {
    const views = [
      view({ name: 'new', wanted: a, fetched: a }),
      view({ name: 'old', wanted: b, active: b }),
      view({ name: 'far', wanted: a }),
      view({ name: 'farther', wanted: b }),
    ];
    expect(decide(views, context)).toEqual([
      { type: 'activate', deployment: 'old', image: b },
      { type: 'fetch', deployment: 'far', image: a },
    ]);
  });

  it('does not let one failing deployment hold up another', () => {
    const views = [
      view({ name: 'bad', wanted: a, setback: { image: a, retryAtMs: null } }),
      view({ name: 'slow', wanted: a, setback: { image: a, retryAtMs: 5_000 } }),
      view({ name: 'good', wanted: b }),
    ];
    expect(decide(views, context)).toEqual([
      { type: 'wait', deployment: 'slow', untilMs: 5_000 },
      { type: 'fetch', deployment: 'good', image: b },
    ]);
  });
});
