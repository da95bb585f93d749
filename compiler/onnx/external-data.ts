import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import { modelProto } from './schema.ts';

/** Where the data of a tensor is: onnx.proto, `TensorProto.external_data`. */
export interface ExternalPlace {
  /** Path of the file, relative to the model's folder. */
  location: string;
  offset: number;
  /** Up to the end of the file when it is not given. */
  length: number | undefined;
}

/** A tensor as protobufjs decodes it. */
interface ExternalTensor {
  name: string;
  dataLocation: number;
  externalData: { key: string; value: string }[];
  rawData: Uint8Array;
}

interface GraphLike {
  initializer?: ExternalTensor[];
  sparseInitializer?: { values?: ExternalTensor; indices?: ExternalTensor }[];
  node?: NodeLike[];
}

interface NodeLike {
  attribute?: {
    t?: ExternalTensor;
    tensors?: ExternalTensor[];
    sparseTensor?: { values?: ExternalTensor; indices?: ExternalTensor };
    g?: GraphLike;
    graphs?: GraphLike[];
  }[];
}

/** `onnx.TensorProto.DataLocation`. */
const [inThisFile, inAnotherFile] = [0, 1];
/** What Protocol Buffers allow a message to have. */
const modelBytesMax = 2 ** 31 - 1;

/**
 * Brings the data of tensors that stand in other files into the model; a model without such comes back as it is.
 * `read` gives the bytes of a place. Throws what it throws, with the tensor's name in front, and `model_invalid`
 * for a place that makes no sense or a model that is too large as one file.
 */
export async function inlineExternalData(
  model: Uint8Array,
  read: (place: ExternalPlace) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  // Every place says "location"; most models have none, and need not be decoded here.
  if (!Buffer.from(model.buffer, model.byteOffset, model.length).includes('location')) return model;
  let message: { graph?: GraphLike; functions?: GraphLike[] };
  try {
    message = modelProto.decode(model) as typeof message;
  } catch {
    // Whoever reads the model says what is wrong with it.
    return model;
  }
  const tensors = [...tensorsOf(message.graph ?? {}), ...(message.functions ?? []).flatMap(tensorsOf)];
  const external = tensors.filter(({ dataLocation }) => dataLocation === inAnotherFile);
  if (external.length === 0) return model;
  let bytes = model.length;
  for (const tensor of external) {
    tensor.rawData = await dataOf(tensor, read);
    tensor.externalData = [];
    tensor.dataLocation = inThisFile as number;
    bytes += tensor.rawData.length;
    if (bytes <= modelBytesMax) continue;
    throw new SluiceError(
      'model_invalid',
      `ONNX model: more than ${modelBytesMax} bytes with its external data`,
    );
  }
  return modelProto.encode(message as never).finish();
}

async function dataOf(
  { name, externalData }: ExternalTensor,
  read: (place: ExternalPlace) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const where = `initialiser ${quoted(name)}`;
  const entries = new Map(externalData.map(({ key, value }) => [key, value]));
  const numberOf = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    if (/^\d{1,15}$/.test(text)) return Number(text);
    throw new SluiceError(
      'model_invalid',
      `${where}: ${key} ${quoted(text)} of its external data is no number of bytes`,
    );
  };
  const place = {
    location: entries.get('location') ?? '',
    offset: numberOf('offset') ?? 0,
    length: numberOf('length'),
  };
  try {
    return await read(place);
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    throw new SluiceError(thrown.code, `${where}: ${thrown.message}`, { cause: thrown });
  }
}

function tensorsOf({ initializer = [], sparseInitializer = [], node = [] }: GraphLike): ExternalTensor[] {
  const inNodes = node.flatMap(({ attribute = [] }) =>
    attribute.flatMap(({ t, tensors = [], sparseTensor, g, graphs = [] }) => [
      ...present(t, ...tensors, sparseTensor?.values, sparseTensor?.indices),
      ...[...present(g), ...graphs].flatMap(tensorsOf),
    ]),
  );
  const sparse = sparseInitializer.flatMap(({ values, indices }) => present(values, indices));
  return [...initializer, ...sparse, ...inNodes];
}

function present<Item>(...items: (Item | null | undefined)[]): Item[] {
  return items.filter((item) => item !== undefined && item !== null);
}
