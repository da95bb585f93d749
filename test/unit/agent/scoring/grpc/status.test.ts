import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { errorOf, failureOf, statusOf } from '../../../../../agent/scoring/grpc/status.ts';
import { type ErrorCode, errorCodes, SluiceError } from '../../../../../contract/errors.ts';

describe('the gRPC status of an error', () => {
  it('is known for every code', () => {
    const codes = Object.keys(errorCodes) as ErrorCode[];
    expect(codes.filter((code) => statusOf(new SluiceError(code, '')) === status.UNKNOWN)).toEqual([]);
  });

  it.each([
    ['unknown_model', 'NOT_FOUND'],
    ['tensor_shape', 'INVALID_ARGUMENT'],
    ['queue_full', 'RESOURCE_EXHAUSTED'],
    ['deadline_unmet', 'RESOURCE_EXHAUSTED'],
    ['deadline_passed', 'DEADLINE_EXCEEDED'],
    ['not_ready', 'UNAVAILABLE'],
    ['unauthorized', 'UNAUTHENTICATED'],
    ['forbidden', 'PERMISSION_DENIED'],
    ['cancelled', 'CANCELLED'],
    ['engine_failed', 'INTERNAL'],
  ] as const)('of %s is %s', (code, name) => {
    expect(status[statusOf(new SluiceError(code, ''))]).toBe(name);
  });

  it('comes with the code, and with when to try again', () => {
    const { metadata, details } = failureOf(new SluiceError('queue_full', 'later', { retryAfterMs: 0.2 }));
    expect(metadata.getMap()).toEqual({ 'sluice-code': 'queue_full', 'retry-after-ms': '1' });
    expect(details).toBe('later');
  });

  it('has a message that can be encoded and fits a header', () => {
    const { details } = failureOf(
      new SluiceError('unknown_model', `${'x'.repeat(799)}😀${'y'.repeat(9_000)}`),
    );
    expect(encodeURI(details).length).toBeLessThan(8_192);
    expect(encodeURI(failureOf(new SluiceError('tensor_name', '\ud83d')).details)).toBe('%EF%BF%BD');
  });

  it('tells nothing of a defect', () => {
    const error = errorOf(new TypeError('x is not a function'));
    expect([error.code, error.message.includes('function')]).toEqual(['internal', false]);
  });
});
