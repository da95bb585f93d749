import type { Datatype } from '../../contract/tensors.ts';

/** Codes of `onnx.TensorProto.DataType` that the compiler handles by name. */
export const elementType = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  INT32: 6,
  INT64: 7,
  FLOAT16: 10,
  BFLOAT16: 16,
} as const;

/** ONNX's element types by code, in the order of onnx.proto; 0 is UNDEFINED. */
const elementTypeNames = [
  'UNDEFINED',
  'FLOAT',
  'UINT8',
  'INT8',
  'UINT16',
  'INT16',
  'INT32',
  'INT64',
  'STRING',
  'BOOL',
  'FLOAT16',
  'DOUBLE',
  'UINT32',
  'UINT64',
  'COMPLEX64',
  'COMPLEX128',
  'BFLOAT16',
] as const;

const datatypes: ReadonlyMap<string, Datatype> = new Map([
  ['FLOAT', 'FP32'],
  ['UINT8', 'UINT8'],
  ['INT8', 'INT8'],
  ['UINT16', 'UINT16'],
  ['INT16', 'INT16'],
  ['INT32', 'INT32'],
  ['INT64', 'INT64'],
  ['BOOL', 'BOOL'],
  ['DOUBLE', 'FP64'],
  ['UINT32', 'UINT32'],
  ['UINT64', 'UINT64'],
  ['FLOAT16', 'FP16'],
  ['BFLOAT16', 'BF16'],
  ['STRING', 'BYTES'],
]);

/** ONNX's name of an element type, for messages. */
export function elementTypeName(code: number): string {
  return elementTypeNames[code] ?? `element type ${code}`;
}

/** The serving datatype of an element type; undefined when Sluice does not serve it. */
export function datatypeOf(code: number): Datatype | undefined {
  return datatypes.get(elementTypeName(code));
}

/** The element type of a serving datatype. */
export function elementTypeOf(datatype: Datatype): number {
  return elementTypeNames.findIndex((name) => datatypes.get(name) === datatype);
}
