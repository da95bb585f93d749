import Type, { type Static } from '#typebox';

/** Which NPU the scoring process opens: a simulation, or a board that XRT finds. */
export const NpuSelection = Type.Union([
  Type.Object(
    { kind: Type.Literal('simulator'), configuration: Type.String({ minLength: 1 }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      kind: Type.Literal('xrt'),
      configuration: Type.String({ minLength: 1 }),
      /** Path of the board image. */
      xclbin: Type.String({ minLength: 1 }),
      /** Which board, as XRT counts them. */
      deviceIndex: Type.Integer({ minimum: 0 }),
    },
    { additionalProperties: false },
  ),
]);
export type NpuSelection = Static<typeof NpuSelection>;
