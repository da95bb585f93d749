import Type from '#typebox';
import { limits } from './limits.ts';

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
  Type.Literal('BF16'),
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
