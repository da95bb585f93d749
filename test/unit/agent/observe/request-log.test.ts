import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { EndedRequest } from '../../../../agent/observe/request-end.ts';
import { RequestLog } from '../../../../agent/observe/request-log.ts';
import type { ErrorCode } from '../../../../contract/errors.ts';

interface Line {
  level: number;
  status: number;
  code?: string;
  linesLeftOut?: number;
}

function ended(status: number, code?: ErrorCode): EndedRequest {
  const request = { method: 'POST', headers: {}, routeOptions: { url: '/score' }, scored: null, trace: null };
  const reply = { getHeader: () => undefined };
  return { request, reply, status, code, durationMs: 1 } as unknown as EndedRequest;
}

function requestLog(level: string) {
  const lines: Line[] = [];
  const log = pino({ level }, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
  const clock = { nowMs: 0 };
  const written = new RequestLog({ log, linesPerMinuteMax: 2, nowMs: () => clock.nowMs });
  return { written, lines, clock };
}

describe('the request log', () => {
  it('writes so many lines of a kind in a minute, and says how many it left out', () => {
    const { written, lines, clock } = requestLog('info');
    for (let request = 0; request < 5; request += 1) written.write(ended(429, 'queue_full'));
    written.write(ended(500, 'engine_failed'));
    expect(lines.map(({ level, code }) => [level, code])).toEqual([
      [30, 'queue_full'],
      [30, 'queue_full'],
      [40, 'engine_failed'],
    ]);
    clock.nowMs = 60_000;
    written.write(ended(429, 'queue_full'));
    written.write(ended(429, 'queue_full'));
    expect(lines.slice(3).map(({ linesLeftOut }) => linesLeftOut)).toEqual([3, undefined]);
  });

  it('leaves nothing out on the debug level, and is silent on good answers above it', () => {
    const everything = requestLog('debug');
    for (let request = 0; request < 5; request += 1) everything.written.write(ended(429, 'queue_full'));
    everything.written.write(ended(200));
    everything.written.write(ended(404, 'not_found'));
    expect(everything.lines.map(({ level }) => level)).toEqual([30, 30, 20, 20, 20, 20, 20]);
    const warnings = requestLog('warn');
    warnings.written.write(ended(200));
    warnings.written.write(ended(429, 'queue_full'));
    expect(warnings.lines).toEqual([]);
  });
});
