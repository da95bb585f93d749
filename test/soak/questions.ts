import { gzipSync } from 'node:zlib';
import { fashionSet, floatInput, logitsOf } from '../support/golden-sets.ts';

/** Scale of the fashion model's output. */
const logitsScale = Math.fround(0.20118359);
const classes = 10;
const pixels = 784;
const itemsMax = 4;
const pictures = 64;

/** A request whose answer is known beforehand. */
export interface Question {
  /** Dialect, for the report. */
  kind: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
  /** Whether these are the bytes of the right answer. Throws for what is no answer. */
  isRight(body: Buffer, headers: Record<string, unknown>): boolean;
}

/** One or more pictures with the logits that an independent integer reference computed for them. */
interface Batch {
  count: number;
  input: Float32Array;
  logits: Float32Array;
}

type Random = () => number;

/** Asks in every dialect, in a random mix. */
export class Questions {
  readonly #random: Random;
  readonly #set = fashionSet();

  /** `random` gives fractions. */
  constructor(random: Random) {
    this.#random = random;
  }

  next(): Question {
    const batch = this.#batch();
    const question = this.#pick([
      ofJson,
      ofNestedJson,
      ofBinary,
      ofBinary,
      ofRawBinary,
      ofScore,
      ofPredict,
      ofScript,
    ])(batch);
    const route = this.#pick(['auto', 'auto', 'cpu', 'fpga']);
    const headers = { ...question.headers, 'x-sluice-route': route };
    if (this.#random() > 0.15) return { ...question, headers };
    return {
      ...question,
      kind: `${question.kind}, gzip`,
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: gzipSync(question.body, { level: 1 }),
    };
  }

  #batch(): Batch {
    const count = 1 + Math.floor(this.#random() * itemsMax);
    const first = Math.floor(this.#random() * (pictures - count));
    const input = new Float32Array(count * pixels);
    const logits = new Float32Array(count * classes);
    for (let item = 0; item < count; item += 1) {
      input.set(floatInput(this.#set, first + item), item * pixels);
      logits.set(
        Array.from(logitsOf(this.#set, first + item), (logit) => logit * logitsScale),
        item * classes,
      );
    }
    return { count, input, logits };
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[Math.floor(this.#random() * values.length)] as Value;
  }
}

const inferPath = '/v2/models/fashion/infer';
const headerLength = 'inference-header-content-length';

function inferInput({ count }: Batch, rest: object): object {
  return { name: 'input', shape: [count, pixels], datatype: 'FP32', ...rest };
}

function ofJson(batch: Batch): Question {
  return jsonInfer('infer, JSON', batch, { inputs: [inferInput(batch, { data: [...batch.input] })] });
}

function ofNestedJson(batch: Batch): Question {
  return jsonInfer('infer, nested JSON', batch, { inputs: [inferInput(batch, { data: rows(batch.input) })] });
}

function jsonInfer(kind: string, { count, logits }: Batch, json: object): Question {
  return {
    kind,
    path: inferPath,
    headers: {},
    body: Buffer.from(JSON.stringify(json)),
    isRight: (body) => {
      const { outputs } = JSON.parse(body.toString()) as { outputs: { shape: number[]; data: number[] }[] };
      return `${outputs[0]?.shape}` === `${[count, classes]}` && isSame(outputs[0]?.data ?? [], logits);
    },
  };
}

function ofBinary(batch: Batch): Question {
  const json = JSON.stringify({
    inputs: [inferInput(batch, { parameters: { binary_data_size: batch.input.byteLength } })],
    parameters: { binary_data_output: true },
  });
  return binaryInfer('infer, binary', batch, { head: Buffer.from(json), length: json.length });
}

function ofRawBinary(batch: Batch): Question {
  return binaryInfer('infer, raw', batch, { head: Buffer.alloc(0), length: 0 });
}

function binaryInfer(
  kind: string,
  { input, logits }: Batch,
  { head, length }: { head: Buffer; length: number },
): Question {
  return {
    kind,
    path: inferPath,
    headers: { [headerLength]: String(length) },
    body: Buffer.concat([head, Buffer.from(input.buffer)]),
    isRight: (body, headers) =>
      body.subarray(Number(headers[headerLength])).equals(Buffer.from(logits.buffer)),
  };
}

function ofScore({ input, logits }: Batch): Question {
  return {
    kind: '/score',
    path: '/score',
    headers: { 'x-sluice-deployment': 'fashion' },
    body: Buffer.from(JSON.stringify({ input: rows(input) })),
    isRight: (body) => isSame((JSON.parse(body.toString()) as { logits: number[][] }).logits.flat(), logits),
  };
}

function ofPredict({ input, logits }: Batch): Question {
  return {
    kind: 'predict',
    path: '/v1/models/fashion:predict',
    headers: {},
    body: Buffer.from(JSON.stringify({ instances: rows(input) })),
    isRight: (body) =>
      isSame((JSON.parse(body.toString()) as { predictions: number[][] }).predictions.flat(), logits),
  };
}

function ofScript({ input, logits }: Batch): Question {
  return {
    kind: '/score, script',
    path: '/score',
    headers: { 'x-sluice-deployment': 'scripted' },
    body: Buffer.from(input.buffer),
    isRight: (body) => isSame(JSON.parse(body.toString()) as number[], logits),
  };
}

/** Script of the deployment `scripted`: pictures as bytes in, logits out. */
export const script = `export async function run(input, context) {
  const data = new Float32Array(input.body.slice().buffer);
  const { logits } = await context.infer({ input: { shape: [data.length / ${pixels}, ${pixels}], data } });
  return [...logits.data];
}`;

function rows(input: Float32Array): number[][] {
  return Array.from({ length: input.length / pixels }, (_, row) => [
    ...input.subarray(row * pixels, (row + 1) * pixels),
  ]);
}

/** Bit for bit, as float32. */
function isSame(numbers: readonly number[], expected: Float32Array): boolean {
  return Buffer.from(Float32Array.from(numbers).buffer).equals(Buffer.from(expected.buffer));
}
