import Type from '#typebox';
import { countByteElements } from './byte-elements.ts';
import { limits } from './limits.ts';

/**
 * Datatypes of the Open Inference Protocol v2 that Sluice serves, with the bytes of one element. BYTES elements
 * have any length, four bytes of which say how long the rest is: so many an empty one takes.
 */
export const datatypeBytes = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 4,
} as const;

/** One of the Open Inference Protocol's datatypes. */
export const Datatype = Type.Union([
  Type.Literal('BOOL'),
  Type.Literal('UINT8'),
  Type.Literal('UINT16'),
  Type.Literal('UINT32'),
  Type.Literal('UINT64'),
  Type.Literal('INT8'),
  Type.Literal('INT16'),
  Type.Literal('INT32'),
  Type.Literal('INT64'),
  Type.Literal('FP16'),
  Type.Literal('FP32'),
  Type.Literal('FP64'),
  Type.Literal('BYTES'),
]);
export type Datatype = Type.Static<typeof Datatype>;

/** Name, datatype and shape of a tensor; -1 stands for a dimension that each request may choose. */
export const TensorDescription = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    datatype: Datatype,
    shape: Type.Array(Type.Integer({ minimum: -1 }), { maxItems: limits.tensorRankMax }),
  },
  { additionalProperties: false },
);
export type TensorDescription = Type.Static<typeof TensorDescription>;

/** What a model takes and gives. */
export const TensorSignature = Type.Object(
  {
    inputs: Type.Array(TensorDescription, { minItems: 1 }),
    outputs: Type.Array(TensorDescription, { minItems: 1 }),
  },
  { additionalProperties: false },
);
export type TensorSignature = Type.Static<typeof TensorSignature>;

/**
 * A tensor in memory: row-major little-endian elements, BYTES as in byte-elements.ts. `data` holds exactly the
 * elements of `shape`, and its own byteOffset is a multiple of the element's size.
 */
export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  data: Uint8Array;
}

/** Number of elements of a shape without unknown dimensions. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Whether the data is exactly what the shape asks for. */
export function dataFits({ datatype, shape, data }: Omit<Tensor, 'name'>): boolean {
  const count = elementCount(shape);
  if (datatype === 'BYTES') return countByteElements(data) === count;
  return data.length === count * datatypeBytes[datatype];
}

/** What the data of a shape must be, for messages. */
export function expectedData({ datatype, shape }: Pick<Tensor, 'datatype' | 'shape'>): string {
  const count = elementCount(shape);
  if (datatype === 'BYTES') return `${count} elements, each behind its length in four bytes,`;
  return `${count * datatypeBytes[datatype]} bytes`;
}

/** One golden sample: inputs, and the exact bytes every route must answer. */
export const GoldenTensor = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    datatype: Datatype,
    shape: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: limits.tensorRankMax }),
    data: Type.String({ description: 'base64 of the row-major little-endian elements' }),
  },
  { additionalProperties: false },
);
export type GoldenTensor = Type.Static<typeof GoldenTensor>;

/** `samples.json` of an image. */
export const GoldenSamples = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    samples: Type.Array(
      Type.Object(
        {
          inputs: Type.Array(GoldenTensor, { minItems: 1 }),
          outputs: Type.Array(GoldenTensor, { minItems: 1 }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 1024 },
    ),
  },
  { additionalProperties: false },
);
export type GoldenSamples = Type.Static<typeof GoldenSamples>;
