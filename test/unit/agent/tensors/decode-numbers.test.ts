import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../../../agent/scoring/open-inference/infer-request.ts';
import { decodeElements } from '../../../../agent/tensors/decode.ts';
import { encodeFlat, writeJson } from '../../../../agent/tensors/encode.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import { elementCount } from '../../../../contract/tensor-data.ts';
import type { Datatype, Tensor, TensorSignature } from '../../../../contract/tensors.ts';
import { type JsonFloats, JsonNumbers } from '../../../../native/json-numbers.ts';
import { damagedJson, seededRandom } from '../../../support/random.ts';

const numbers = JsonNumbers.load();
if (numbers === undefined) throw new Error('the addon is not built');
const random = seededRandom(77);
const below = (count: number): number => random() % count;
const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;

const utf8 = new TextEncoder();
const all = { form: 'infer', least: 1, most: 64, asFloat32: false } as const;
const read = (text: string): number[] | undefined => {
  const [found] = numbers.findNumbers(utf8.encode(`{"inputs":[{"data":${text}}]}`), all);
  return found === undefined ? undefined : [...found.values];
};
const readFloat32 = (text: string): number[] | undefined => {
  const request = utf8.encode(`{"inputs":[{"data":${text}}]}`);
  const [found] = numbers.findNumbers(request, { ...all, asFloat32: true });
  return found === undefined ? undefined : [...found.values];
};

const digits = (count: number): string => Array.from({ length: count }, () => below(10)).join('');

/** A number as JSON allows it, of any length and size. */
function numberText(): string {
  const whole = below(4) === 0 ? '0' : `${1 + below(9)}${digits(below(22))}`;
  const fraction = below(3) === 0 ? '' : `.${digits(1 + below(22))}`;
  const exponent =
    below(3) > 0 ? '' : `${pick(['e', 'E'])}${pick(['', '+', '-'])}${below(below(2) === 0 ? 40 : 330)}`;
  return `${pick(['', '-'])}${whole}${fraction}${exponent}`;
}

describe('numbers read from the text', () => {
  it('are those of JSON.parse to the last bit, or left to it', () => {
    let count = 0;
    for (let round = 0; round < 40_000; round += 1) {
      const text = numberText();
      const expected = JSON.parse(text) as number;
      const actual = read(`[${text}]`)?.[0];
      if (actual === undefined)
        expect([text, expected === 0 || !Number.isFinite(expected)]).toEqual([text, true]);
      else expect([text, Object.is(actual, expected)]).toEqual([text, true]);
      if (actual !== undefined) count += 1;
      const float = Math.fround(expected);
      if (actual !== undefined) {
        const float32 = readFloat32(`[${text}]`)?.[0];
        expect([text, float32]).toEqual([text, Number.isFinite(float) ? float : undefined]);
      }
    }
    expect(count).toBeGreaterThan(35_000);
  });

  it('end where their digits do, whatever stands behind and wherever the text ends', () => {
    for (let count = 1; count <= 24; count += 1) {
      for (const behind of [']', ' ]', ',7]', '\n,7]', 'e2]', '.5]', '.12345678]', '.123456789e-3]']) {
        const text = `[${'9'.repeat(count)}${behind}`;
        expect([text, read(text)]).toEqual([text, JSON.parse(text)]);
      }
      for (const behind of ['/]', ':]', '\u00b9]', 'x', '']) {
        expect(read(`[${'1'.repeat(count)}${behind}`)).toBeUndefined();
      }
    }
  });

  it('are the same when they are read later', async () => {
    const texts = Array.from({ length: 200 }, () => Array.from({ length: 40 }, numberText));
    for (const values of texts) {
      const request = utf8.encode(`{"inputs":[{"data":[${values}]},{"data":[[1,2],[3,4]]}]}`);
      for (const asFloat32 of [false, true]) {
        const wanted = { ...all, asFloat32 };
        expect(await numbers.findNumbersLater(request, wanted)).toEqual(numbers.findNumbers(request, wanted));
      }
    }
  });

  it('are right beside ties, where a digit more decides', () => {
    const doubles = new Float64Array(1);
    const bits = new BigUint64Array(doubles.buffer);
    for (let round = 0; round < 5_000; round += 1) {
      bits[0] = (BigInt(random()) << 32n) | BigInt(random());
      const [value = 0] = doubles;
      if (!Number.isFinite(value)) continue;
      const longer = value.toPrecision(17 + below(60));
      for (const text of [String(value), longer, longer.replace('e', '1e')]) {
        expect([text, read(`[${text}]`)?.[0]]).toEqual([text, JSON.parse(text)]);
      }
    }
  });

  it.each([
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    '1e',
    '1e+',
    'NaN',
    'Infinity',
    '0x1',
    '1_0',
    '1,',
    '',
    '"1"',
    'null',
    '1 2',
    '[1],2',
    '1,[2]',
    '[1],[2,3]',
    '[]',
    '[[]]',
  ])('leave [%s] alone', (text) => {
    expect(read(`[${text}]`)).toBeUndefined();
  });

  it('have the shape of their arrays', () => {
    const shapeOf = (text: string): number[] | undefined =>
      numbers.findNumbers(utf8.encode(`{"inputs":[{"data":${text}}]}`), all)[0]?.shape;
    expect(shapeOf('[1]')).toEqual([1]);
    expect(shapeOf(' [ 1 ,\n2\t] ')).toEqual([2]);
    expect(shapeOf('[[1,2,3],[4,5,6]]')).toEqual([2, 3]);
    expect(shapeOf('[[[1]],[[2]]]')).toEqual([2, 1, 1]);
    expect(shapeOf(`${'['.repeat(16)}1${']'.repeat(16)}`)).toEqual(Array(16).fill(1));
    expect(shapeOf(`${'['.repeat(17)}1${']'.repeat(17)}`)).toBeUndefined();
  });

  it('are only the data of inputs', () => {
    const found = (text: string): number => numbers.findNumbers(utf8.encode(text), all).length;
    expect(
      found('{"inputs":[{"data":[1]},{"name":"data","x":[1],"data":[2]}],"outputs":[{"data":[3]}]}'),
    ).toBe(2);
    expect(found('{"x":{"inputs":[{"data":[1]}]}}')).toBe(0);
    expect(found('[{"inputs":[{"data":[1]}]}]')).toBe(0);
    expect(found('{"inputs":{"data":[1]}}')).toBe(0);
    expect(found('{"inputs":[{"parameters":{"data":[1]}}]}')).toBe(0);
    expect(found('{"inputs":[[{"data":[1]}]]}')).toBe(0);
    expect(found('{"a":"\\"inputs","inputs":[{"b":"]}","data":[1]}]}')).toBe(1);
    expect(found('{"inputs":[{"data":[1,2]}]}'.slice(0, 20))).toBe(0);
  });

  it('are the members of a score request', () => {
    const found = (text: string): number[][] =>
      numbers.findNumbers(utf8.encode(text), { ...all, form: 'score' }).map(({ values }) => [...values]);
    expect(found('{"a":[1],"b":[[2],[3]],"c":{"d":[4]},"e":[{"f":[5]}],"g":["6"],"h":[7]}')).toEqual([
      [1],
      [2, 3],
      [7],
    ]);
    expect(found('[{"a":[1]}]')).toEqual([]);
    expect(found('[1]')).toEqual([]);
  });

  it('are the instances and inputs of a predict request', () => {
    const found = (text: string): number[][] =>
      numbers.findNumbers(utf8.encode(text), { ...all, form: 'predict' }).map(({ values }) => [...values]);
    expect(found('{"instances":[[1,2]],"signature_name":[3],"inputs":[4]}')).toEqual([[1, 2], [4]]);
    expect(found('{"inputs":{"a":[1],"b":{"c":[2]},"d":[[3]]},"x":{"a":[4]}}')).toEqual([[1], [3]]);
    expect(found('{"instances":[{"a":[1]}]}')).toEqual([]);
  });

  it.each([
    ['infer', '{"inputs":[{"data":1,[1,2]:3}]}'],
    ['score', '{"a":1,[1,2]:3}'],
    ['score', '{[1,2]:3}'],
    ['predict', '{"inputs":{"a":1,[1,2]:3}}'],
    ['predict', '{"instances":[1],[1,2]:3}'],
  ] as const)('are not where a name belongs, which is no JSON (%s %s)', (form, text) => {
    const found = numbers.findNumbers(utf8.encode(text), { ...all, form });
    expect(found.map(({ values }) => [...values])).not.toContainEqual([1, 2]);
  });
});

/** What a float32 in its fewest digits reads back as. */
const nearest = (value: number): number => Number(written(Float32Array.of(value)).slice(1, -1));
const written = (values: JsonFloats): string => String(numbers.write([{ values, shape: [values.length] }]));

const signature: TensorSignature = {
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [-1, 4] },
    { name: 'b', datatype: 'INT16', shape: [-1, 2, 2] },
  ],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
};

async function refusalOf(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (thrown) {
    return thrown instanceof SluiceError ? [thrown.code, thrown.message] : String(thrown);
  }
}

/** What a request becomes, or the code and the words of its refusal. */
function outcome(text: string): Promise<unknown> {
  return refusalOf(async () => {
    const body = { json: utf8.encode(text), binary: new Uint8Array() };
    const request = await decodeInferRequest(body, signature);
    return request.inputs.map(({ data }) => [...data]);
  });
}

/** The same with every number through JSON.parse, for a request whose other fields fit. */
function slowOutcome(text: string): Promise<unknown> {
  return refusalOf(() => {
    const { inputs } = JSON.parse(text) as { inputs: { name: string; shape: number[]; data: unknown }[] };
    return inputs.map(({ name, shape, data }, index) => {
      const datatype = signature.inputs[index]?.datatype as Datatype;
      return [...decodeElements({ datatype, shape, where: `inputs[${index}] (${name})` }, data)];
    });
  });
}

describe('an infer request', () => {
  it('becomes the same bytes as through JSON.parse', async () => {
    for (let round = 0; round < 300; round += 1) {
      const rows = 9 + below(3);
      const floats = Array.from({ length: rows * 4 }, () =>
        Math.fround((random() / 2 ** 31 - 1) * 10 ** (below(20) - 10)),
      );
      const integers = Array.from({ length: rows * 4 }, () => below(65_536) - 32_768);
      const nested = Array.from({ length: rows }, (_, row) => [
        integers.slice(row * 4, row * 4 + 2),
        integers.slice(row * 4 + 2, row * 4 + 4),
      ]);
      const text = JSON.stringify({
        inputs: [
          { name: 'a', shape: [rows, 4], datatype: 'FP32', data: floats },
          { datatype: 'INT16', data: nested, shape: [rows, 2, 2], name: 'b' },
        ],
      });
      expect(elementCount([rows, 4])).toBeGreaterThan(32);
      expect(await outcome(text)).toEqual(await slowOutcome(text));
    }
  });

  it('is refused in the same words, wherever it is damaged', async () => {
    const floats = Array.from({ length: 40 }, (_, index) => index / 8);
    const text = JSON.stringify({
      inputs: [
        { name: 'a', shape: [10, 4], datatype: 'FP32', data: floats },
        {
          name: 'b',
          shape: [10, 2, 2],
          datatype: 'INT16',
          data: Array.from({ length: 10 }, () => [
            [1, 2],
            [3, 4],
          ]),
        },
      ],
    });
    for (let round = 0; round < 4_000; round += 1) {
      const damaged = damagedJson(text, random);
      const reason = await refusalOf(() => JSON.parse(damaged) && undefined);
      const result = await outcome(damaged);
      // What JSON.parse refuses is refused in its words, and nothing else as JSON.
      if (damaged === '') expect(result).toEqual(['invalid_json', 'body: not JSON (it is empty)']);
      else if (reason === undefined) expect(result).not.toContain('invalid_json');
      else
        expect(result).toEqual([
          'invalid_json',
          `body: not JSON (${String(reason).replace(/^SyntaxError: /, '')})`,
        ]);
    }
  });

  it('is the same when it is so long that it is read and written later', async () => {
    const shape = [5_000, 4];
    const data = Array.from({ length: 20_000 }, () => random() / 2 ** 31 - 1);
    const request = (last: unknown): string =>
      JSON.stringify({
        inputs: [
          { name: 'a', shape, datatype: 'FP32', data: [...data.slice(1), last] },
          { name: 'b', shape: [1, 2, 2], datatype: 'INT16', data: [1, 2, 3, 4] },
        ],
      });
    for (const last of [0.5, 1e39, 'NaN', null]) {
      const text = request(last);
      expect(await outcome(text)).toEqual(await slowOutcome(text));
    }
    expect(await outcome(request(0.5).slice(0, -1))).toEqual(['invalid_json', expect.any(String)]);
    const tensor = {
      name: 'a',
      datatype: 'FP32',
      shape,
      data: new Uint8Array(Float32Array.from(data).buffer),
    };
    const text = String(await writeJson(['{"x":', encodeFlat(tensor as Tensor), '}']));
    expect(JSON.parse(text)).toEqual({ x: data.map(nearest) });
  });

  it.each([
    ['a float out of range', 'a', [...Array(39).fill(0), 1e39]],
    ['a fraction among integers', 'b', [...Array(39).fill(0), 1.5]],
    ['an integer out of range', 'b', [...Array(39).fill(0), 32_768]],
    ['too many', 'a', Array(44).fill(0)],
    ['arrays of another shape', 'b', Array.from({ length: 20 }, () => [1, 2])],
  ])('names %s', async (_, name, data) => {
    const fine = { a: Array(40).fill(0), b: Array(40).fill(0) };
    const given: Record<string, unknown> = { ...fine, [name]: data };
    const text = JSON.stringify({
      inputs: [
        { name: 'a', shape: [10, 4], datatype: 'FP32', data: given.a },
        { name: 'b', shape: [10, 2, 2], datatype: 'INT16', data: given.b },
      ],
    });
    expect(await outcome(text)).toEqual(await slowOutcome(text));
    expect(await outcome(text)).toHaveLength(2);
    expect(await outcome(text)).toContain('tensor_data');
  });
});

describe('floats written by the addon', () => {
  it('read back as the same float32, in no more digits than needed', async () => {
    const values = new Float32Array(20_000);
    new Uint32Array(values.buffer).forEach((_, index, bits) => {
      bits[index] = random();
    });
    const data = new Uint8Array(values.buffer);
    const text = String(
      await writeJson([encodeFlat({ name: 'x', datatype: 'FP32', shape: [20_000], data })]),
    );
    const parsed = JSON.parse(text) as unknown[];
    for (const [index, value] of values.entries()) {
      const back = parsed[index];
      expect(typeof back === 'number' ? Math.fround(back) : back).toEqual(
        Number.isFinite(value) ? value : String(value),
      );
    }
    expect(written(Float32Array.of(0.1, -0, 1e20, 3.4028235e38, 1e-45))).toBe(
      '[0.1,-0,1e+20,3.4028235e+38,1e-45]',
    );
    expect(written(Float64Array.of(0.1, Number.NaN, Number.NEGATIVE_INFINITY))).toBe(
      '[0.1,"NaN","-Infinity"]',
    );
    expect(written(new Float32Array(0))).toBe('[]');
  });
});
