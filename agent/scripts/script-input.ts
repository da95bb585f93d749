import type { Normalisation } from '../../base/pictures/picture-tensor.ts';
import type { Picture } from '../../base/pictures/read-picture.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { TensorDescription, TensorSignature } from '../../contract/tensors.ts';
import { describedInput } from '../tensors/signature.ts';
import type { ScriptRequest } from './script-protocol.ts';
import { type ScriptTensor, toScriptTensors } from './script-tensors.ts';

/** How a CSV body is read. */
interface CsvOptions {
  /** The first row names the columns: rows become objects. */
  header?: boolean;
  delimiter?: string;
}

/** What a script's `run` gets as its first argument. Readers of forms are loaded when they are asked for first. */
export interface ScriptInput extends ScriptRequest {
  /** The body as JSON. Throws an error that answers 400, like the methods below. */
  json(): unknown;
  /** The body as UTF-8 text. */
  text(): string;
  /** The body as rows of CSV (RFC 4180). */
  csv(options?: CsvOptions): Promise<unknown[]>;
  /** The body, a PNG or JPEG: red, green and blue of each pixel, 0 to 255; stretched to a size when one is given. */
  image(size?: { width: number; height: number }): Promise<Picture>;
  /**
   * The same as a tensor for an input of the model, stretched to its size: (pixel / 255 - mean) / std, by channel
   * or one for all. A UINT8 input gets the pixels as they are. An open batch is 1.
   */
  imageTensor(name: string, normalisation?: Partial<Normalisation>): Promise<ScriptTensor>;
}

/** Wraps a request for a script. */
export function inputOf(request: ScriptRequest, signature: TensorSignature): ScriptInput {
  const text = (): string => new TextDecoder().decode(request.body);
  return {
    ...request,
    text,
    json: () => jsonOf(text()),
    csv: (options = {}) => csvOf(text(), options),
    image: async (size) => {
      const { readPicture } = await import('../../base/pictures/read-picture.ts');
      const { resample } = await import('../../base/pictures/resample.ts');
      return orRefuse(() => {
        const picture = readPicture(request.body, 'body');
        return size === undefined ? picture : resample(picture, size);
      });
    },
    imageTensor: async (name, { mean = [0], std = [1] } = {}) => {
      const input = closed(describedInput(signature, name));
      const { readPicture } = await import('../../base/pictures/read-picture.ts');
      const { pictureTensor } = await import('../../base/pictures/picture-tensor.ts');
      return orRefuse(() => {
        const picture = readPicture(request.body, 'body');
        const tensor = pictureTensor(picture, { input, normalisation: { mean, std }, what: 'body' });
        return toScriptTensors([tensor])[name] as ScriptTensor;
      });
    },
  };
}

/** JSON of a request. Throws what answers 400. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('invalid_json', `body: not JSON (${reason})`, { cause: thrown });
  }
}

async function csvOf(text: string, { header = false, delimiter = ',' }: CsvOptions): Promise<unknown[]> {
  const { default: papaparse } = await import('papaparse');
  const { data, errors } = papaparse.parse(text, { header, delimiter, skipEmptyLines: true });
  const [first] = errors;
  if (first === undefined) return data;
  throw new SluiceError('script_input', `body: row ${(first.row ?? 0) + 1} is no CSV (${first.message})`);
}

function closed(input: TensorDescription): TensorDescription {
  return { ...input, shape: input.shape.map((size, axis) => (axis === 0 && size === -1 ? 1 : size)) };
}

function orRefuse<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('script_input', reason.startsWith('body: ') ? reason : `body: ${reason}`, {
      cause: thrown,
    });
  }
}
