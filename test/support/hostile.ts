import { getActiveResourcesInfo } from 'node:process';
import { expect, onTestFinished, vi } from 'vitest';
import type { ScoringLimits } from '../../agent/scoring-limits.ts';
import { fashionSet, floatInput } from './golden-sets.ts';
import { type LocalScoring, startScoring } from './local-scoring.ts';

/** Path of the only model's infer call. */
export const inferPath = '/v2/models/fashion/infer';
/** The first picture of the set, as the model takes it. */
export const picture = [...floatInput(fashionSet(), 0)];
/** Its only input, whole and right. */
export const goodInput = { name: 'input', shape: [1, 784], datatype: 'FP32', data: picture };

/** A server that must answer the same question with the same bytes after everything that is done to it. */
export interface Besieged extends LocalScoring {
  /** Throws when the server does not answer as it did at first. */
  stillAnswers(): Promise<void>;
}

/** Starts a server with the fashion model; when the test ends, all connections of it must be gone. */
export async function besiege(limits: Partial<ScoringLimits> = {}): Promise<Besieged> {
  const scoring = await startScoring({ limits });
  await scoring.deploy('fashion');
  // None of the test's own connections stays open.
  const post: LocalScoring['post'] = (path, body, { headers, ...options } = {}) =>
    scoring.post(path, body, { ...options, headers: { connection: 'close', ...headers } });
  const ask = async (): Promise<string> => {
    const answer = await post(inferPath, { inputs: [goodInput] });
    expect(answer.status).toBe(200);
    return answer.text;
  };
  const expected = await ask();
  const before = socketCount();
  onTestFinished(() => vi.waitFor(() => expect(socketCount()).toBeLessThanOrEqual(before), 20_000));
  return {
    ...scoring,
    post,
    get: (path, headers) => scoring.get(path, { connection: 'close', ...headers }),
    // Its limits may be shorter than a stall of the machine.
    stillAnswers: () => vi.waitFor(async () => expect(await ask()).toBe(expected), 20_000),
  };
}

/** Sockets of this process, both ends of each connection. */
export function socketCount(): number {
  return getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}
