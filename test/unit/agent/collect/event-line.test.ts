import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { BytesPayload, CollectedEvent } from '../../../../agent/collect/collected-event.ts';
import { encodeEvent } from '../../../../agent/collect/event-line.ts';
import { sluiceVersion } from '../../../../base/version.ts';
import type { Tensor } from '../../../../contract/tensors.ts';

const origin = {
  endpoint: 'shop',
  deployment: 'blue',
  modelVersion: '3',
  correlationId: 'correlation',
  requestId: 'request',
};
const limits = { inlineBytesMax: 64, inlineTensorBytesMax: 16 };

async function encode(payload: CollectedEvent['payload'], collection: CollectedEvent['collection']) {
  const event = { collection, origin, instantMs: Date.UTC(2026, 0, 2, 3, 4, 5), payload, attributes: {} };
  const { line, apart } = await encodeEvent(event, { id: 'id', device: 'edge', instance: 'edge', limits });
  const text = line.toString();
  expect(text.indexOf('\n')).toBe(text.length - 1);
  return { fields: JSON.parse(text) as Record<string, unknown>, apart };
}

function bytes(text: string | Uint8Array, more: Partial<BytesPayload> = {}): BytesPayload {
  return { bytes: Buffer.from(text), contentType: undefined, ...more };
}

function tensor(name: string, values: number[]): Tensor {
  return {
    name,
    datatype: 'INT32',
    shape: [1, values.length],
    data: new Uint8Array(Int32Array.from(values).buffer),
  };
}

describe('a line of collected data', () => {
  it('holds JSON as JSON, on one line, with all attributes', async () => {
    const { fields } = await encode(bytes('{\r\n "text": "a\\nb"\n}'), 'request');
    expect(fields).toEqual({
      specversion: '1.0',
      id: 'id',
      source: '/devices/edge/endpoints/shop/deployments/blue',
      type: 'azureml.inference.request',
      time: '2026-01-02T03:04:05.000Z',
      datacontenttype: 'application/json',
      correlationid: 'correlation',
      xrequestid: 'request',
      modelversion: '3',
      agent: `sluice/${sluiceVersion}`,
      contentrange: 'bytes 0-19/20',
      data: { text: 'a\nb' },
    });
  });

  it.each([
    ['a picture', bytes(Uint8Array.of(137, 80), { contentType: 'image/png' }), 'image/png'],
    ['text', bytes('hello', { contentType: 'text/plain' }), 'text/plain'],
    ['what claims to be JSON', bytes('{', { contentType: 'application/json' }), 'application/octet-stream'],
    ['UTF-8 that is none', bytes(Uint8Array.of(34, 255, 34)), 'application/octet-stream'],
  ])('holds %s in base64 with its type', async (_what, payload, contentType) => {
    const { fields } = await encode(payload, 'request');
    expect([fields.datacontenttype, fields.data]).toEqual([contentType, undefined]);
    expect(Buffer.from(fields.data_base64 as string, 'base64')).toEqual(payload.bytes);
  });

  it('holds an answer as it was before its compression, and nothing of an empty body', async () => {
    const answer = await encode(bytes(gzipSync('[1]'), { coding: 'gzip' }), 'response');
    expect(answer.fields).toMatchObject({ data: [1], contentrange: 'bytes 0-2/3' });
    const empty = await encode(bytes(''), 'request');
    expect(empty.fields).toMatchObject({ contentrange: 'bytes */0' });
    expect(Object.keys(empty.fields).filter((key) => key.startsWith('data'))).toEqual([]);
  });

  it('refers to a payload that is too large for it', async () => {
    const text = JSON.stringify('x'.repeat(63));
    const { fields, apart } = await encode(bytes(text, { contentType: 'application/json' }), 'response');
    expect(fields).toMatchObject({ dataref: 'edge.id.json', datacontenttype: 'application/json' });
    expect(fields).toMatchObject({ contentrange: 'bytes 0-64/65' });
    expect([fields.data, apart?.name, String(apart?.bytes)]).toEqual([undefined, 'edge.id.json', text]);
    const fits = await encode(bytes(text.replace('x', '')), 'response');
    expect([fits.apart, fits.fields.data]).toEqual([undefined, 'x'.repeat(62)]);
  });

  it('holds small tensors as JSON, and refers to large ones in binary', async () => {
    const small = await encode({ tensors: [tensor('a', [1, -2]), tensor('b', [3])] }, 'inputs');
    expect(small.fields.type).toBe('azureml.inference.inputs');
    expect(small.fields.data).toEqual({
      a: { shape: [1, 2], datatype: 'INT32', data: [1, -2] },
      b: { shape: [1, 1], datatype: 'INT32', data: [3] },
    });
    const { fields, apart } = await encode(
      { tensors: [tensor('a', [1, 2, 3, 4]), tensor('b', [5])] },
      'outputs',
    );
    expect([fields.dataref, fields.datacontenttype]).toEqual(['edge.id.bin', 'application/octet-stream']);
    const length = Number(fields.headerlength);
    const file = Buffer.from(apart?.bytes ?? []);
    expect(JSON.parse(file.subarray(0, length).toString())).toEqual({
      outputs: [
        { name: 'a', shape: [1, 4], datatype: 'INT32', parameters: { binary_data_size: 16 } },
        { name: 'b', shape: [1, 1], datatype: 'INT32', parameters: { binary_data_size: 4 } },
      ],
    });
    expect([...new Int32Array(new Uint8Array(file.subarray(length)).buffer)]).toEqual([1, 2, 3, 4, 5]);
  });
});
