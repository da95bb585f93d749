import { SluiceError } from '../../contract/errors.ts';
import { datatypeBytes } from '../../contract/tensor-data.ts';
import type { GoldenSamples, GoldenTensor, Tensor, TensorSignature } from '../../contract/tensors.ts';
import type { Engine, Route } from '../engines/engine.ts';
import type { OpenedImage } from '../images/opened-image.ts';
import { elementsOf } from '../tensors/element-arrays.ts';
import { checkInputs } from '../tensors/signature.ts';
import { zeroTensor } from '../tensors/zeros.ts';

type Sample = GoldenSamples['samples'][number];

/**
 * Runs every golden sample on every route and compares the answers' bytes; then runs each route until its
 * measured time has settled. An image without samples is warmed up with zeros.
 * Throws `golden_mismatch`, `manifest_invalid`, or the engine's error.
 */
export async function warmUp(options: {
  engines: readonly Engine[];
  image: OpenedImage;
  runs: number;
}): Promise<void> {
  const { engines, image, runs } = options;
  const { signature, routes } = image.run;
  const samples = await image.readSamples();
  for (const engine of engines) {
    for (const [index, sample] of samples.entries()) {
      const inputs = inputsOf(sample, signature);
      compare({ index, sample, route: engine.route, outputs: await engine.infer(inputs) });
    }
    const first = samples[0];
    const inputs = first === undefined ? signature.inputs.map(zeroTensor) : inputsOf(first, signature);
    // At once, so that every session of the engine runs.
    const sessions = engine.route === 'cpu' ? routes.cpu.sessions : 1;
    await Promise.all(Array.from({ length: sessions }, () => engine.infer(inputs)));
    for (let run = 0; run < runs; run += 1) await engine.infer(inputs);
  }
}

/** The inputs of a golden sample. Throws `manifest_invalid` when they do not fit the signature. */
export function inputsOf(sample: Sample, signature: TensorSignature): Tensor[] {
  const inputs = sample.inputs.map(toTensor);
  try {
    checkInputs(signature, inputs);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('manifest_invalid', `golden samples: ${reason}`, { cause: thrown });
  }
  return inputs;
}

/** A golden tensor with its bytes. */
export function toTensor({ name, datatype, shape, data }: GoldenTensor): Tensor {
  // A copy, because small Buffers share a pool whose alignment is any.
  return { name, datatype, shape, data: new Uint8Array(Buffer.from(data, 'base64')) };
}

function compare(options: { index: number; sample: Sample; route: Route; outputs: readonly Tensor[] }): void {
  const { index, sample, route, outputs } = options;
  for (const golden of sample.outputs) {
    const expected = toTensor(golden);
    const actual = outputs.find(({ name }) => name === expected.name);
    const difference = actual === undefined ? 'it is missing' : differenceOf(expected, actual);
    if (difference !== undefined) {
      throw new SluiceError(
        'golden_mismatch',
        `golden sample ${index}, output ${expected.name}, route ${route}: ${difference}`,
      );
    }
  }
}

/** Where two tensors of one name differ, in words; undefined where they are the same. */
export function differenceOf(expected: Tensor, actual: Tensor): string | undefined {
  const expectedForm = `${expected.datatype} [${expected.shape}]`;
  const actualForm = `${actual.datatype} [${actual.shape}]`;
  if (expectedForm !== actualForm) return `expected ${expectedForm}, got ${actualForm}`;
  if (Buffer.compare(expected.data, actual.data) === 0) return undefined;
  const byte = expected.data.findIndex((value, index) => value !== actual.data[index]);
  if (expected.datatype === 'BYTES') return `its texts differ from byte ${byte} on`;
  const width = datatypeBytes[expected.datatype];
  const element = Math.floor(Math.max(0, byte) / width);
  return `element ${element} expected ${elementsOf(expected)[element]}, got ${elementsOf(actual)[element]}`;
}
