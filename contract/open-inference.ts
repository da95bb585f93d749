import Type from '#typebox';
import { limits } from './limits.ts';
import { TensorDescription } from './tensors.ts';

/** Free-form parameters of the protocol. */
const Parameters = Type.Record(Type.String(), Type.Unknown());

/**
 * Body of `POST /v2/models/{name}/infer` (Open Inference Protocol v2, JSON form). `data` may be flat or
 * nested; the codec checks it, because naming the failing field needs the model's signature.
 */
export const InferRequest = Type.Object({
  id: Type.Optional(Type.String()),
  parameters: Type.Optional(Parameters),
  inputs: Type.Array(
    Type.Object({
      name: Type.String(),
      shape: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: limits.tensorRankMax }),
      datatype: Type.String(),
      parameters: Type.Optional(Parameters),
      data: Type.Optional(Type.Unknown()),
    }),
    { minItems: 1 },
  ),
  outputs: Type.Optional(
    // None is as if nothing was said: all.
    Type.Array(Type.Object({ name: Type.String(), parameters: Type.Optional(Parameters) })),
  ),
});
export type InferRequest = Type.Static<typeof InferRequest>;

/** Answer of `GET /v2/models/{name}`. */
export const ModelMetadata = Type.Object({
  name: Type.String(),
  versions: Type.Array(Type.String()),
  platform: Type.String(),
  inputs: Type.Array(TensorDescription),
  outputs: Type.Array(TensorDescription),
});
export type ModelMetadata = Type.Static<typeof ModelMetadata>;
