import { describe, expect, it } from 'vitest';
import Type from '#typebox';
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

  it('name what is nested too deeply to be shown', () => {
    const deep = `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)},"list":[]}`;
    expect(() => parser.parseJson(deep)).toThrowError(expect.objectContaining({ code: 'invalid_request' }));
  });

  it.each([
    ['an unknown field', JSON.stringify({ name: 'a', list: [], ['x\ny\u001b'.repeat(1_000)]: 1 })],
    ['what is not JSON', '{"name":\n\nzz}'],
  ])('stay on one short line for %s', (_, json) => {
    let message = '';
    try {
      parser.parseJson(json);
    } catch (thrown) {
      message = (thrown as Error).message;
    }
    expect(message).toMatch(/^thing: [^\p{Cc}]+$/u);
    expect(message.length).toBeLessThan(600);
  });

  it('give their code to what is not JSON', () => {
    expect(() => parser.parseJson('{"name":')).toThrowError(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });
});
