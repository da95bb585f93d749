import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { sluiceVersion } from '../../base/version.ts';
import type { Collection } from '../../contract/messages.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { JsonPart } from '../../native/json-numbers.ts';
import { encodeFlat, writeJson } from '../tensors/encode.ts';
import type { BytesPayload, CollectedEvent } from './collected-event.ts';
import type { CollectionLimits } from './collection-limits.ts';

/** A payload that is too large for its line. */
export interface ApartFile {
  name: string;
  bytes: Uint8Array;
}

/** A line with its line feed, and the file that it refers to, if there is one. */
export interface EncodedEvent {
  line: Buffer;
  apart: ApartFile | undefined;
}

/** What a line says besides its event. */
export interface LineOptions {
  /** Of the line; no other has it. */
  id: string;
  device: string;
  /** First part of the names of all files that this process writes. */
  instance: string;
  limits: Pick<CollectionLimits, 'inlineBytesMax' | 'inlineTensorBytesMax'>;
}

interface Content {
  bytes: Uint8Array;
  contentType: string;
  headerLength?: string | undefined;
  /** Whether the bytes may be large because they are not in the line. */
  isApart: boolean;
}

const json = 'application/json';
const binary = 'application/octet-stream';

const decompressors = new Map([
  ['gzip', promisify<Uint8Array, Buffer>(gunzip)],
  ['deflate', promisify<Uint8Array, Buffer>(inflate)],
]);

/**
 * An event as a line of JSON: a CloudEvent 1.0 (JSON format 1.0.2, sections 2 and 3.1: `data` for JSON,
 * `data_base64` for other bytes), with the attributes of Azure's data collector. A large payload is referred to by
 * `dataref`, as CloudEvents' extension for claim checks has it, relative to the line's own file.
 */
export async function encodeEvent(event: CollectedEvent, options: LineOptions): Promise<EncodedEvent> {
  const { collection, payload, attributes, origin } = event;
  const content =
    'tensors' in payload
      ? await tensorsContent(collection, payload.tensors, options.limits)
      : await bytesContent(payload, options.limits);
  const size = content.bytes.length;
  const ending = content.contentType.startsWith(json) ? 'json' : 'bin';
  const apartName = content.isApart ? `${options.instance}.${options.id}.${ending}` : undefined;
  const { endpoint, deployment } = origin;
  const head = JSON.stringify({
    specversion: '1.0',
    id: options.id,
    source: `/devices/${options.device}/endpoints/${endpoint}/deployments/${deployment}`,
    type: `azureml.inference.${collection}`,
    time: new Date(event.instantMs).toISOString(),
    datacontenttype: size === 0 ? undefined : content.contentType,
    dataref: apartName,
    correlationid: origin.correlationId,
    xrequestid: origin.requestId,
    modelversion: origin.modelVersion,
    agent: `sluice/${sluiceVersion}`,
    contentrange: size === 0 ? 'bytes */0' : `bytes 0-${size - 1}/${size}`,
    headerlength: content.headerLength,
    ...attributes,
  });
  const data = apartName === undefined && size > 0 ? inlineData(content) : [];
  return {
    line: Buffer.concat([Buffer.from(head.slice(0, -1)), ...data, Buffer.from('}\n')]),
    apart: apartName === undefined ? undefined : { name: apartName, bytes: content.bytes },
  };
}

function inlineData({ bytes, contentType }: Content): Buffer[] {
  const { buffer, byteOffset, byteLength } = bytes;
  const whole = Buffer.from(buffer, byteOffset, byteLength);
  if (contentType.startsWith(json)) return [Buffer.from(',"data":'), whole];
  return [Buffer.from(`,"data_base64":"${whole.toString('base64')}"`)];
}

async function bytesContent(
  payload: BytesPayload,
  { inlineBytesMax }: LineOptions['limits'],
): Promise<Content> {
  const { contentType, coding = '', headerLength } = payload;
  const decompress = decompressors.get(coding);
  const bytes = decompress === undefined ? payload.bytes : await decompress(payload.bytes);
  const isApart = bytes.length > inlineBytesMax;
  if (headerLength !== undefined) return { bytes, contentType: binary, headerLength, isApart };
  // A large one is not looked into: that would keep requests waiting.
  if (isApart) return { bytes, contentType: contentType ?? binary, isApart };
  const text = asJsonLine(bytes);
  if (text !== undefined) return { bytes: text, contentType: json, isApart };
  const isClaimed = contentType?.startsWith(json) ?? true;
  return { bytes, contentType: isClaimed ? binary : (contentType as string), isApart };
}

/** JSON without line breaks, which stand between its tokens alone; undefined for what is not JSON. */
function asJsonLine(bytes: Uint8Array): Uint8Array | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(text);
    return /[\r\n]/.test(text) ? Buffer.from(text.replace(/[\r\n]/g, ' ')) : bytes;
  } catch {
    return undefined;
  }
}

/** Small tensors as JSON by name; large ones as the Open Inference Protocol writes binary tensors. */
async function tensorsContent(
  collection: Collection,
  tensors: readonly Tensor[],
  { inlineTensorBytesMax }: LineOptions['limits'],
): Promise<Content> {
  const dataBytes = tensors.reduce((sum, { data }) => sum + data.length, 0);
  if (dataBytes <= inlineTensorBytesMax) {
    return { bytes: await writeJson(jsonParts(tensors)), contentType: json, isApart: false };
  }
  const described = tensors.map(({ name, shape, datatype, data }) => ({
    ...{ name, shape, datatype },
    parameters: { binary_data_size: data.length },
  }));
  const header = Buffer.from(JSON.stringify({ [collection]: described }));
  const bytes = Buffer.concat([header, ...tensors.map(({ data }) => data)]);
  return { bytes, contentType: binary, headerLength: String(header.length), isApart: true };
}

function jsonParts(tensors: readonly Tensor[]): JsonPart[] {
  const parts: JsonPart[] = [];
  let text = '{';
  for (const [index, tensor] of tensors.entries()) {
    const { name, shape, datatype } = tensor;
    const comma = index === 0 ? '' : ',';
    text += `${comma}${JSON.stringify(name)}:{"shape":[${shape}],"datatype":"${datatype}","data":`;
    parts.push(text, encodeFlat(tensor));
    text = '}';
  }
  parts.push(`${text}}`);
  return parts;
}
