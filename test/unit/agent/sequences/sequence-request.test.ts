import { expect, it } from 'vitest';
import {
  agreedSequence,
  sequenceOfHeaders,
  sequenceOfParameters,
} from '../../../../agent/sequences/sequence-request.ts';

const middle = { isStart: false, isEnd: false };

it.each([
  ['a number', { sequence_id: 7 }, { id: '7', ...middle }],
  ['a text', { sequence_id: 'mic 1', sequence_start: true }, { id: 'mic 1', isStart: true, isEnd: false }],
  ['an integer beyond doubles', { sequence_id: 2n ** 64n - 1n }, { id: '18446744073709551615', ...middle }],
  ['the end', { sequence_id: '7', sequence_end: true }, { id: '7', isStart: false, isEnd: true }],
  ['no parameters', undefined, undefined],
  ['no id', { priority: 1 }, undefined],
  ['0', { sequence_id: 0, sequence_start: false }, undefined],
  ['an empty text', { sequence_id: '' }, undefined],
])('%s is read', (_what, parameters, expected) => {
  expect(sequenceOfParameters(parameters)).toEqual(expected);
});

it.each([
  ['a fraction', { sequence_id: 1.5 }],
  ['a number below 0', { sequence_id: -1 }],
  ['a number that JSON has rounded', { sequence_id: 2 ** 53 }],
  ['a list', { sequence_id: [7] }],
  ['a long text', { sequence_id: 'x'.repeat(129) }],
  ['a flag of text', { sequence_id: 7, sequence_start: 'true' }],
  ['a flag of 1', { sequence_id: 7, sequence_end: 1 }],
  ['a start of nothing', { sequence_start: true }],
  ['an end of 0', { sequence_id: 0, sequence_end: true }],
])('%s is refused', (_what, parameters) => {
  expect(() => sequenceOfParameters(parameters)).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  );
});

it('headers say the same in words', () => {
  const of = (headers: Record<string, string>) => sequenceOfHeaders((name) => headers[name]);
  expect(of({ 'x-sluice-sequence-id': '7', 'x-sluice-sequence-start': 'true' })).toEqual({
    id: '7',
    isStart: true,
    isEnd: false,
  });
  expect(of({ 'x-sluice-sequence-id': '7', 'x-sluice-sequence-end': 'false' })).toEqual({
    id: '7',
    ...middle,
  });
  expect(of({})).toBeUndefined();
  const refused = expect.objectContaining({ code: 'invalid_request' });
  expect(() => of({ 'x-sluice-sequence-id': '7', 'x-sluice-sequence-start': 'yes' })).toThrow(refused);
  expect(() => of({ 'x-sluice-sequence-start': 'true' })).toThrow(refused);
});

it('parameters and headers must agree', () => {
  const seven = { id: '7', ...middle };
  expect(agreedSequence(seven, undefined)).toEqual(seven);
  expect(agreedSequence(undefined, seven)).toEqual(seven);
  expect(agreedSequence(seven, { ...seven })).toEqual(seven);
  expect(() => agreedSequence(seven, { ...seven, isEnd: true })).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  );
});
