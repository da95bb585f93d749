import { expect, it } from 'vitest';
import { Cancellation } from '../../../../agent/engines/cancellation.ts';

it('a cancellation tells everybody who still listens, once', () => {
  const cancellation = new Cancellation();
  const told: string[] = [];
  const gone = (): void => void told.push('gone');
  cancellation.addEventListener('abort', gone);
  cancellation.addEventListener('abort', () => told.push('first'));
  cancellation.addEventListener('abort', () => {
    told.push(`second ${cancellation.aborted}`);
    cancellation.abort();
  });
  cancellation.removeEventListener('abort', gone);
  expect(cancellation.aborted).toBe(false);
  cancellation.abort();
  cancellation.abort();
  expect(told).toEqual(['first', 'second true']);
});
