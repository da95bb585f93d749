import { constants } from 'node:fs';
import { open, readFile, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { quoted } from '../base/quoted.ts';
import { type ExternalPlace, inlineExternalData } from '../compiler/onnx/external-data.ts';
import { SluiceError } from '../contract/errors.ts';

/**
 * An ONNX model from disk as one file, with the weights that it keeps in files beside it. Throws `model_invalid`
 * naming tensor and file for data that is missing, too short or outside the model's folder.
 */
export async function readModelFile(path: string): Promise<Uint8Array> {
  const folder = dirname(path);
  const model = await readFile(path);
  return new Uint8Array(await inlineExternalData(model, (place) => readPlace(folder, place)));
}

async function readPlace(folder: string, { location, offset, length }: ExternalPlace): Promise<Uint8Array> {
  const relative = normalize(location);
  if (location === '' || isAbsolute(relative) || relative.split(sep)[0] === '..') {
    throw invalid(`its data is in ${quoted(location)}, which is no path inside the model's folder`);
  }
  const outside = () =>
    invalid(`its data is in ${quoted(location)}, which is no path inside the model's folder`);
  const path = await realpath(join(folder, relative)).catch(() => undefined);
  // A link may lead elsewhere.
  if (path !== undefined && !path.startsWith(`${await realpath(folder)}${sep}`)) throw outside();
  // Opening a pipe would wait for its other end.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const file = path === undefined ? undefined : await open(path, flags).catch(() => undefined);
  if (file === undefined) {
    throw invalid(
      `its data is in the file ${quoted(location)}, which cannot be read; put it beside the model`,
    );
  }
  try {
    const stat = await file.stat();
    const end = length === undefined ? stat.size : offset + length;
    if (!stat.isFile() || offset > end || end > stat.size) {
      throw invalid(
        `its data is bytes ${offset} to ${end} of the file ${quoted(location)}, which has ${stat.isFile() ? stat.size : 'none'}`,
      );
    }
    const data = new Uint8Array(end - offset);
    let filled = 0;
    while (filled < data.length) {
      const { bytesRead } = await file.read(data, filled, data.length - filled, offset + filled);
      if (bytesRead === 0) throw invalid(`the file ${quoted(location)} became shorter while it was read`);
      filled += bytesRead;
    }
    return data;
  } finally {
    await file.close();
  }
}

function invalid(text: string): SluiceError {
  return new SluiceError('model_invalid', text);
}
