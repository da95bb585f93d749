import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { collectorUrl, ratio, wholeMebibytes } from '../../../cli/commands/shared.ts';

describe('the address of a collector', () => {
  it.each(['http://127.0.0.1:4318', 'https://collector.example/otlp/'])('is %s', (text) => {
    expect(collectorUrl(text)).toBe(text);
  });

  it.each([
    '',
    'collector:4318',
    'ftp://host',
    'http://host/?a=1',
    'http://host/#a',
    'http://me:secret@host',
  ])('is not %j', (text) => {
    expect(() => collectorUrl(text)).toThrow(InvalidArgumentError);
  });
});

describe('a ratio', () => {
  it('is a number from 0 to 1', () => {
    expect(['0', '1', '0.01', '.5'].map(ratio)).toEqual([0, 1, 0.01, 0.5]);
    for (const text of ['', '-0.1', '1.1', '1e-3', 'NaN', '0x1', '1.']) {
      expect(() => ratio(text)).toThrow(InvalidArgumentError);
    }
  });
});

describe('an amount of disk', () => {
  it('is a whole number of MiB', () => {
    expect(['0', '256'].map(wholeMebibytes)).toEqual([0, 256]);
    for (const text of ['', '-1', '1.5', '1e3', '12345678', '64M']) {
      expect(() => wholeMebibytes(text)).toThrow(InvalidArgumentError);
    }
  });
});
