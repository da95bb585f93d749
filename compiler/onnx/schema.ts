import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

/** The schema is data, which the build leaves in the source folder: seen from dist/compiler/onnx. */
const schemaFile = fileURLToPath(new URL('../../../compiler/onnx/onnx.proto', import.meta.url));

/** Message type `onnx.ModelProto` of the official schema. */
export const modelProto = protobuf.loadSync(schemaFile).lookupType('onnx.ModelProto');

// The interfaces below are what protobufjs' toObject gives with { longs: BigInt }: the schema fixes the
// JavaScript type of every field, and an absent or empty field is left out.

/** `onnx.ModelProto`, as far as it is read. */
export interface ModelMessage {
  irVersion?: bigint;
  opsetImport?: { domain?: string; version?: bigint }[];
  graph?: GraphMessage;
}

/** `onnx.GraphProto`, as far as it is read. */
export interface GraphMessage {
  name?: string;
  node?: NodeMessage[];
  initializer?: TensorMessage[];
  sparseInitializer?: { values?: TensorMessage }[];
  input?: ValueInfoMessage[];
  output?: ValueInfoMessage[];
}

/** `onnx.NodeProto`. */
export interface NodeMessage {
  name?: string;
  opType?: string;
  domain?: string;
  input?: string[];
  output?: string[];
  attribute?: AttributeMessage[];
}

/** `onnx.AttributeProto`, as far as it is read. */
export interface AttributeMessage {
  name?: string;
  type?: number;
  refAttrName?: string;
  f?: number;
  i?: bigint;
  s?: Uint8Array;
  t?: TensorMessage;
  g?: GraphMessage;
  floats?: number[];
  ints?: bigint[];
  strings?: Uint8Array[];
  graphs?: GraphMessage[];
}

/** `onnx.TensorProto`, as far as it is read. */
export interface TensorMessage {
  name?: string;
  dims?: bigint[];
  dataType?: number;
  dataLocation?: number;
  rawData?: Uint8Array;
  floatData?: number[];
  int32Data?: number[];
  int64Data?: bigint[];
  doubleData?: number[];
  uint64Data?: bigint[];
}

/** `onnx.ValueInfoProto`. */
export interface ValueInfoMessage {
  name?: string;
  type?: TypeMessage;
}

/** `onnx.TypeProto`, as far as it is read: only tensors are told apart. */
interface TypeMessage {
  tensorType?: {
    elemType?: number;
    shape?: { dim?: { dimValue?: bigint; dimParam?: string }[] };
  };
  sequenceType?: unknown;
  mapType?: unknown;
  optionalType?: unknown;
  sparseTensorType?: unknown;
}
