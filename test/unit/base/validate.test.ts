import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { parserOf } from '../../../base/validate.ts';

const parser = parserOf(
  Type.Object(
    { name: Type.String({ pattern: '^a+$' }), list: Type.Array(Type.Integer({ minimum: 1 })) },
    { additionalProperties: false },
  ),
  { what: 'thing', code: 'invalid_request' },
);

describe('parsers', () => {
  it('hand on what fits', () => {
    expect(parser.parse({ name: 'aa', list: [1] })).toEqual({ name: 'aa', list: [1] });
    expect(parser.parseJson('{"name":"a","list":[]}')).toEqual({ name: 'a', list: [] });
  });

  it.each([
    ['a missing field', { name: 'a' }, 'list'],
    ['an unknown field', { name: 'a', list: [], extra: 1 }, 'extra'],
    ['a wrong element', { name: 'a', list: [1, 0] }, 'list.1'],
    ['a wrong text', { name: 'b', list: [] }, '"b"'],
    ['another kind', 7, 'thing'],
  ])('name %s', (_, value, named) => {
    expect(() => parser.parse(value)).toThrowError(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(named) }),
    );
  });

  it('give their code to what is not JSON', () => {
    expect(() => parser.parseJson('{"name":')).toThrowError(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });
});
