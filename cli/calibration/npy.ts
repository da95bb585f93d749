import { SluiceError } from '../../contract/errors.ts';
import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import type { Datatype } from '../../contract/tensors.ts';

/** An array of a `.npy` file; elements are little-endian and row-major. */
export interface NumpyArray {
  datatype: Datatype;
  shape: number[];
  data: Uint8Array;
}

/** NumPy's names of the datatypes that a tensor may have; `|` is for one byte, which has no order. */
const datatypes: Readonly<Record<string, Datatype>> = {
  '|b1': 'BOOL',
  '|u1': 'UINT8',
  '|i1': 'INT8',
  '<u2': 'UINT16',
  '<i2': 'INT16',
  '<u4': 'UINT32',
  '<i4': 'INT32',
  '<u8': 'UINT64',
  '<i8': 'INT64',
  '<f4': 'FP32',
  '<f8': 'FP64',
};

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Longest header read; a file of one array has some 80 bytes. */
const headerBytesMax = 64 * 1024;

/**
 * Reads a file of NumPy's format, versions 1 to 3 (numpy.lib.format). Throws `tensor_data` naming the file
 * for one that is none, is cut off, or is of a kind that no tensor has.
 */
export function readNumpy(bytes: Uint8Array, file: string): NumpyArray {
  const refuse = (reason: string): SluiceError => new SluiceError('tensor_data', `${file}: ${reason}`);
  if (bytes.length < 12 || magic.some((byte, index) => bytes[index] !== byte)) {
    throw refuse('no .npy file: it does not start as one');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLong = (bytes[6] ?? 1) >= 2;
  const start = isLong ? 12 : 10;
  const end = start + (isLong ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length || end - start > headerBytesMax) throw refuse('no .npy file: its header is cut off');
  const header = new TextDecoder().decode(bytes.subarray(start, end));
  const kind = /'descr'\s*:\s*'([^']{1,16})'/.exec(header)?.[1] ?? 'none';
  const sizes = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  const datatype = Object.hasOwn(datatypes, kind) ? datatypes[kind] : undefined;
  if (datatype === undefined) throw refuse(`elements of the kind ${kind}; save it as float32`);
  if (sizes === undefined) throw refuse('no .npy file: its header has no shape');
  if (!/'fortran_order'\s*:\s*False/.test(header)) {
    throw refuse('columns come first in it; save numpy.ascontiguousarray of it');
  }
  const shape = sizes.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  const data = bytes.subarray(end);
  const wanted = elementCount(shape) * datatypeBytes[datatype];
  if (data.length !== wanted) throw refuse(`${data.length} bytes of elements, ${wanted} expected`);
  return { datatype, shape, data };
}
