import { describe, expect, it } from 'vitest';
import { decodeScoreBody } from '../../../../agent/scoring/azure/score-body.ts';
import { decodePredict } from '../../../../agent/scoring/predict/predict-body.ts';
import { parseJson } from '../../../../agent/scoring/request-body.ts';
import { RequestJson } from '../../../../agent/scoring/request-json.ts';
import { decodeNested } from '../../../../agent/tensors/nested-input.ts';
import type { RequestSignature } from '../../../../agent/tensors/signature.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import type { Datatype, Tensor, TensorSignature } from '../../../../contract/tensors.ts';
import type { RequestForm } from '../../../../native/json-numbers.ts';
import { damagedJson, seededRandom } from '../../../support/random.ts';

const random = seededRandom(4711);
const below = (count: number): number => random() % count;
const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
const utf8 = new TextEncoder();

const outputs: TensorSignature['outputs'] = [];
const datatypes: Datatype[] = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'BF16',
  'FP32',
  'FP64',
];
const signatures: Record<string, TensorSignature> = {
  floats: { inputs: [{ name: 'a', datatype: 'FP32', shape: [-1, 4] }], outputs },
  integers: { inputs: [{ name: 'a', datatype: 'INT16', shape: [-1, 2, 2] }], outputs },
  bytes: { inputs: [{ name: 'a', datatype: 'BYTES', shape: [-1] }], outputs },
  scalar: { inputs: [{ name: 'a', datatype: 'BYTES', shape: [] }], outputs },
  two: {
    inputs: [
      { name: 'a', datatype: 'FP32', shape: [-1, 4] },
      { name: 'inputs', datatype: 'INT64', shape: [-1] },
    ],
    outputs,
  },
};

/** What a request becomes, or the code and the words of its refusal. */
async function outcomeOf(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (thrown) {
    return thrown instanceof SluiceError ? [thrown.code, thrown.message] : String(thrown);
  }
}

/** How many arrays were read from texts themselves. */
let places = 0;

async function readJson(form: RequestForm, text: string, inputs: TensorSignature['inputs']) {
  const json = await RequestJson.read(utf8.encode(text), { form, inputs, isOrdered: below(2) === 0 });
  const { value } = json;
  const members = Object.values(Object(value) as object);
  const inner = Object.values(Object((value as { inputs?: unknown } | null)?.inputs) as object);
  places += [...members, ...inner].filter((one) => json.shapeOf(one) !== undefined).length;
  return json;
}

const shown = (tensors: readonly Tensor[]): unknown =>
  tensors.map(({ name, datatype, shape, data }) => [name, datatype, shape, [...data]]);

const wholeOf = ({ inputs, optional }: RequestSignature): TensorSignature['inputs'] => [
  ...inputs,
  ...(optional?.inputs ?? []),
];

const forms = {
  score: {
    read: async (text: string, signature: RequestSignature) => {
      const json = await readJson('score', text, wholeOf(signature));
      return shown(decodeScoreBody(json.value, signature, (input, data) => json.decodeNested(input, data)));
    },
    plainly: (text: string, signature: RequestSignature) =>
      shown(decodeScoreBody(parseJson(utf8.encode(text)), signature)),
  },
  predict: {
    read: async (text: string, signature: RequestSignature) => {
      const json = await readJson('predict', text, wholeOf(signature));
      const { inputs, rows } = decodePredict(json, signature);
      return [shown(inputs), rows];
    },
    plainly: (text: string, signature: RequestSignature) => {
      const value = parseJson(utf8.encode(text));
      const json = { value, decodeNested, plain: (own: unknown) => own, shapeOf: () => undefined };
      const { inputs, rows } = decodePredict(json, signature);
      return [shown(inputs), rows];
    },
  },
};

/** Reads a request both ways; the result is one of them. */
async function bothWays(form: keyof typeof forms, text: string, signature: RequestSignature) {
  const { read, plainly } = forms[form];
  const result = await outcomeOf(() => read(text, signature));
  expect([text, result]).toEqual([text, await outcomeOf(() => plainly(text, signature))]);
  return result;
}

const wasRead = (result: unknown): boolean => Array.isArray(result) && typeof result[0] !== 'string';

/** Numbers in arrays of a shape, all of them whole or none. */
function arrays(shape: readonly number[], number = pick([wholeNumber, anyNumber])): unknown {
  const [size = 0, ...inner] = shape;
  return Array.from({ length: size }, () => (inner.length > 0 ? arrays(inner, number) : number()));
}
const wholeNumber = (): number => below(65_536) - 32_768;
const anyNumber = (): number => (random() / 2 ** 31 - 1) * 9;

/** The members of a request that fits. */
function fitting({ inputs }: TensorSignature): Record<string, unknown> {
  return Object.fromEntries(
    inputs.map(({ name, datatype, shape }) => [
      name,
      arrays(
        shape.map((size) => (size === -1 ? 1 + below(50) : size)),
        datatype === 'FP32' ? anyNumber : wholeNumber,
      ),
    ]),
  );
}

const someArrays = (): unknown =>
  pick<() => unknown>([
    () => arrays([9 + below(3), 4]),
    () => arrays([9 + below(3), 2, 2]),
    () => arrays([40]),
    () => arrays([3]),
    () => [arrays([4]), arrays([40])],
    () => [[1e39, ...(arrays([39]) as number[])]],
    () => ['x', ...(arrays([39]) as number[])],
    () => ({ a: arrays([40]) }),
    () => ({ b64: arrays([40]) }),
    () => [{ a: arrays([40]) }, { a: arrays([40]) }],
    () => [
      { a: arrays([4]), inputs: 7 },
      { a: arrays([4]), inputs: 8 },
    ],
    () => 7,
    () => null,
  ])();

const someText = (keys: readonly string[]): string => {
  const members = Array.from({ length: 1 + below(3) }, () => {
    const spaces = below(5) === 0 ? ' \n' : '';
    return `${JSON.stringify(pick(keys))}:${spaces}${JSON.stringify(someArrays())}`;
  });
  return `{${members.join(',')}}`;
};

const keysOf = {
  score: ['a', 'a', 'data', 'inputs', '__proto__', 'b'],
  predict: ['instances', 'instances', 'inputs', 'inputs', 'signature_name', 'a'],
};

describe.each(['score', 'predict'] as const)('a %s request', (form) => {
  it.each(Object.entries(signatures))('becomes what it is through JSON.parse (%s)', async (_, signature) => {
    for (let round = 0; round < 1_000; round += 1) await bothWays(form, someText(keysOf[form]), signature);
  });

  it.each(['floats', 'integers', 'two'])('becomes what it is so when it fits (%s)', async (name) => {
    const signature = signatures[name] as TensorSignature;
    const before = places;
    for (let round = 0; round < 300; round += 1) {
      const members = fitting(signature);
      const columns = name === 'two' || below(2) === 0 ? members : members.a;
      const rowKey = pick(['instances', 'inputs']);
      const text = {
        score: JSON.stringify(members),
        predict: JSON.stringify(columns === members ? { inputs: columns } : { [rowKey]: columns }),
      }[form];
      expect(wasRead(await bothWays(form, text, signature))).toBe(true);
    }
    expect(places - before).toBeGreaterThan(200);
  });

  it.each(datatypes)('becomes %s, or is refused, so', async (datatype) => {
    const signature = { inputs: [{ name: 'a', datatype, shape: [-1] }], outputs };
    const few = { BOOL: 2, UINT8: 256, INT8: 128, FP16: 2_048 }[datatype as string] ?? 32_768;
    const odds = [-1, -0, 0.5, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e300, 65_520, 3.4e38, -7e12];
    const before = places;
    const count = { read: 0, refused: 0 };
    for (let round = 0; round < 200; round += 1) {
      const values = Array.from({ length: 32 + below(9) }, () => `${below(few)}`);
      if (below(2) === 0)
        values[below(values.length)] = pick(odds.map((odd) => (odd === 0 ? '-0' : `${odd}`)));
      const text = `{"${form === 'score' ? 'a' : 'inputs'}":[${values}]}`;
      count[wasRead(await bothWays(form, text, signature)) ? 'read' : 'refused'] += 1;
    }
    // What no float32 holds is left to JSON.parse.
    if (datatype === 'FP32') expect(places - before).toBeGreaterThan(150);
    else expect(places - before).toBe(200);
    expect(count.read).toBeGreaterThan(80);
    if (datatype !== 'FP64' && datatype !== 'FP32') expect(count.refused).toBeGreaterThan(3);
  });

  it('keeps the digits of an input that it need not give', async () => {
    const signature: RequestSignature = {
      ...{ inputs: [{ name: 'a', datatype: 'FP32', shape: [-1] }], outputs },
      optional: { inputs: [{ name: 'state', datatype: 'INT32', shape: [-1] }], outputs },
    };
    const state = Array(40).fill(16_777_217);
    const members = { a: Array(40).fill(0.5), state };
    const text = JSON.stringify(form === 'score' ? members : { inputs: members });
    const bytes = [...new Uint8Array(Int32Array.from(state).buffer)];
    expect(JSON.stringify(await bothWays(form, text, signature))).toContain(
      JSON.stringify(['state', 'INT32', [40], bytes]),
    );
  });

  it('may have more arrays than are read from the text', async () => {
    const inputs = Array.from({ length: 70 }, (_, index) => {
      return { name: `x${index}`, datatype: 'FP64' as const, shape: [-1] };
    });
    const members = Object.fromEntries(inputs.map(({ name }) => [name, arrays([40])]));
    const text = JSON.stringify(form === 'score' ? members : { inputs: members });
    const before = places;
    expect(wasRead(await bothWays(form, text, { inputs, outputs }))).toBe(true);
    expect(places - before).toBe(64);
  });

  it('is refused in the same words, wherever it is damaged', async () => {
    const rows = JSON.stringify(arrays([10, 4]));
    const texts = {
      score: `{"a":${rows},"inputs":[${'1,'.repeat(39)}2]}`,
      predict: `{"inputs":{"a":${rows},"inputs":[${'1,'.repeat(39)}2]}}`,
    };
    const text = texts[form];
    let count = 0;
    for (let round = 0; round < 4_000; round += 1) {
      const damaged = damagedJson(text, random);
      if (wasRead(await bothWays(form, damaged, signatures.two as TensorSignature))) count += 1;
    }
    expect(count).toBeGreaterThan(500);
  });

  it('is the same when it is so long that it is read later', async () => {
    const rows = JSON.stringify(arrays([4_000, 4]));
    const few = JSON.stringify(arrays([10, 4]));
    const key = { score: 'a', predict: 'instances' }[form];
    const texts = [65_535, 65_536, 65_537].map((length) => `{"${key}":${few}}`.padEnd(length));
    const before = places;
    for (const text of [`{"${key}":${rows}}`, ...texts]) {
      expect(wasRead(await bothWays(form, text, signatures.floats as TensorSignature))).toBe(true);
    }
    expect(places - before).toBe(4);
    for (const text of [`{"${key}":${rows}`, `{"${key}":[${rows}]}`]) {
      expect(wasRead(await bothWays(form, text, signatures.floats as TensorSignature))).toBe(false);
    }
  });
});

describe('rows without a name', () => {
  it('are counted where they never become an array', async () => {
    const signature = signatures.floats as TensorSignature;
    const json = await readJson('predict', JSON.stringify({ instances: arrays([12, 4]) }), signature.inputs);
    expect(json.shapeOf((json.value as { instances: unknown }).instances)).toEqual([12, 4]);
    expect(decodePredict(json, signature).rows).toBe(12);
  });
});
