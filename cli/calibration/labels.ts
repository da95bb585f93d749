import { readFile } from 'node:fs/promises';
import { SluiceError } from '../../contract/errors.ts';

const labelsBytesMax = 1024 * 1024;

/**
 * Reads labels: the number of the right class of each sample, one a line, in the order of the samples.
 * Throws `tensor_data` naming the file and line.
 */
export async function readLabels(file: string): Promise<number[]> {
  const bytes = await readFile(file);
  if (bytes.length > labelsBytesMax) {
    throw new SluiceError('limit_exceeded', `${file}: ${bytes.length} bytes, at most ${labelsBytesMax}`);
  }
  const lines = bytes.toString('utf8').trimEnd().split(/\r?\n/);
  return lines.map((line, index) => {
    if (/^\d{1,6}$/.test(line.trim())) return Number(line);
    throw new SluiceError(
      'tensor_data',
      `${file}, line ${index + 1}: "${line.slice(0, 40)}"; the number of a class expected, one a line`,
    );
  });
}
