import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModelFile } from '../../../cli/read-model-file.ts';
import { readModel } from '../../../compiler/onnx/read-model.ts';
import { modelProto } from '../../../compiler/onnx/schema.ts';
import { writeModel } from '../../../compiler/onnx/write-model.ts';
import { repositoryPath, temporaryFolder } from '../../support/paths.ts';

const digits = readFileSync(repositoryPath('test', 'golden', 'digits', 'digits_cnn_f32.onnx'));

interface Message {
  graph: {
    initializer: { name: string; rawData: Uint8Array; dataLocation: number; externalData: object[] }[];
  };
}

/** Writes the digits model with all weights in another file; `change` may damage the places. */
function writeExternal(
  location: string,
  change: (entries: Record<string, string>) => Record<string, string> = (entries) => entries,
): string {
  const folder = temporaryFolder();
  const message = modelProto.decode(digits) as unknown as Message;
  const pieces: Uint8Array[] = [Uint8Array.of(9, 9, 9)];
  for (const tensor of message.graph.initializer) {
    const offset = pieces.reduce((sum, { length }) => sum + length, 0);
    pieces.push(tensor.rawData);
    const entries = change({ location, offset: String(offset), length: String(tensor.rawData.length) });
    tensor.externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    tensor.dataLocation = 1;
    tensor.rawData = new Uint8Array(0);
  }
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data', 'weights.bin'), Buffer.concat(pieces));
  writeFileSync(join(folder, 'model.onnx'), modelProto.encode(message as never).finish());
  return join(folder, 'model.onnx');
}

describe('a model file', () => {
  it('comes as it is when it holds its weights itself', async () => {
    const path = repositoryPath('test', 'golden', 'digits', 'digits_cnn_f32.onnx');
    expect(Buffer.from(await readModelFile(path))).toEqual(digits);
  });

  it.each(['data/weights.bin', './data/../data/weights.bin'])(
    'gets its weights from %s',
    async (location) => {
      const model = readModel(await readModelFile(writeExternal(location)));
      expect(writeModel(model)).toEqual(writeModel(readModel(digits)));
    },
  );

  it.each([
    ['a file that is missing', 'data/other.bin', undefined, /initialiser .*data\/other\.bin/],
    ['a path out of the folder', '../weights.bin', undefined, /no path inside/],
    ['an absolute path', '/etc/passwd', undefined, /no path inside/],
    ['no path', '', undefined, /no path inside/],
    ['a folder', 'data', undefined, /data/],
    ['more than the file has', 'data/weights.bin', { length: '99999999' }, /which has \d+/],
    ['an offset behind the end', 'data/weights.bin', { offset: '99999999' }, /which has \d+/],
    ['a length that is no number', 'data/weights.bin', { length: '-4' }, /no number of bytes/],
  ])('is refused with %s', async (_, location, changed, message) => {
    const path = writeExternal(location, (entries) => ({ ...entries, ...changed }));
    await expect(readModelFile(path)).rejects.toMatchObject({
      code: 'model_invalid',
      message: expect.stringMatching(message),
    });
  });

  it('is refused when a link leads out of its folder', async () => {
    const secret = join(temporaryFolder(), 'secret');
    writeFileSync(secret, new Uint8Array(100_000));
    const path = writeExternal('data/link.bin');
    symlinkSync(secret, join(dirname(path), 'data', 'link.bin'));
    await expect(readModelFile(path)).rejects.toMatchObject({
      code: 'model_invalid',
      message: expect.stringMatching(/no path inside/),
    });
  });

  it('that is no ONNX is left to whoever reads it', async () => {
    const path = join(temporaryFolder(), 'model.onnx');
    writeFileSync(path, 'the location of nothing');
    expect(Buffer.from(await readModelFile(path)).toString()).toBe('the location of nothing');
  });
});
