import { requestBytes } from './load/connection.ts';

const scorePath = '/api/v1/service/bench/score';
const inferPath = '/v2/models/bench/infer';

/** Floats as a camera's pixels become: eight bits, divided by 255. */
export function pixels(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => ((index * 7919) % 256) / 255);
}

/** An infer request in JSON, each float in the digits that it takes as a float32. */
export function jsonRequest(values: Float32Array, shape: readonly number[]): Uint8Array {
  const data = Array.from(values, (value) => Number(value.toPrecision(7)));
  const body = { inputs: [{ name: 'input', datatype: 'FP32', shape, data }] };
  return requestBytes(inferPath, Buffer.from(JSON.stringify(body)), { 'content-type': 'application/json' });
}

/** A picture as `/score` takes it: nested like its shape. */
export function scoreRequest(values: Float32Array, shape: readonly number[]): Uint8Array {
  let at = 0;
  const nest = ([size = 0, ...inner]: readonly number[]): unknown =>
    Array.from({ length: size }, () =>
      inner.length > 0 ? nest(inner) : Number((values[at++] as number).toPrecision(7)),
    );
  const body = JSON.stringify({ data: nest(shape) });
  return requestBytes(scorePath, Buffer.from(body), { 'content-type': 'application/json' });
}

/** An infer request with binary tensors both ways. */
export function binaryRequest(values: Float32Array, shape: readonly number[]): Uint8Array {
  const data = bytesOf(values);
  const parameters = { binary_data_size: data.length };
  const header = {
    parameters: { binary_data_output: true },
    inputs: [{ name: 'input', datatype: 'FP32', shape, parameters }],
  };
  // Padded, so that the tensor behind it is aligned.
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  return requestBytes(inferPath, Buffer.concat([json, data]), {
    'inference-header-content-length': String(json.length),
  });
}

/** The bytes of the tensor alone, as bench/serving/peers/raw-http.ts takes them. */
export function rawRequest(values: Float32Array, shape: readonly number[]): Uint8Array {
  return requestBytes(`/raw?shape=${shape}`, bytesOf(values));
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
