import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { RuntimeModel } from '../../ort/runtime-model.ts';
import type { Boundary } from '../import/boundaries.ts';
import type { ImportedMap } from '../import/graph.ts';

/** Values of a region's inputs, one list for each input map in the order channels, rows, columns. */
export type RegionSample = readonly Float32Array[];

/** Things that can be gone through several times, each time from the start and in the same order. */
export type Repeatable<T> = Iterable<T> | AsyncIterable<T>;

/**
 * Samples of a region's inputs from samples of the model's inputs: what the head gives for each, or the
 * model's inputs as they are. The head runs anew each time that the result is gone through. Throws
 * `tensor_name`, `tensor_datatype` and `tensor_shape` for samples that do not fit.
 */
export function regionSamples(
  samples: Repeatable<readonly Tensor[]>,
  options: { head?: Uint8Array; inputs: readonly Boundary[] },
): Repeatable<RegionSample> {
  return { [Symbol.asyncIterator]: () => runHead(samples, options) };
}

async function* runHead(
  samples: Repeatable<readonly Tensor[]>,
  { head, inputs }: { head?: Uint8Array; inputs: readonly Boundary[] },
): AsyncGenerator<RegionSample> {
  const runtime =
    head === undefined ? undefined : await RuntimeModel.load(head, { fusesQuantisation: false });
  try {
    for await (const sample of samples) {
      const computed = await runtime?.run(sample);
      yield inputs.map((boundary) => {
        const tensor = computed?.get(boundary.tensor) ?? sample.find(({ name }) => name === boundary.tensor);
        return mapValues(tensor, boundary);
      });
    }
  } finally {
    await runtime?.release();
  }
}

/** Throws the error of calibration data that holds nothing. */
export function noSamples(): SluiceError {
  return new SluiceError(
    'tensor_data',
    'calibration: no samples; give at least one input of the model, better 32 or more',
  );
}

/** Throws `tensor_shape` for a sample whose lists do not have the sizes of the maps. */
export function checkSample(
  sample: RegionSample,
  { inputs, index }: { inputs: readonly ImportedMap[]; index: number },
): void {
  for (const [position, map] of inputs.entries()) {
    const count = map.channels * map.rows * map.columns;
    const values = sample[position];
    if (values?.length !== count) {
      throw new SluiceError(
        'tensor_shape',
        `calibration sample ${index}, input ${quoted(map.name)}: ${values?.length ?? 0} values, ${count} expected`,
      );
    }
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong !== -1) {
      throw new SluiceError(
        'tensor_data',
        `calibration sample ${index}, input ${quoted(map.name)}, value ${wrong}: ${values[wrong]}; finite numbers expected`,
      );
    }
  }
}

function mapValues(tensor: Tensor | undefined, { tensor: name, shape }: Boundary): Float32Array {
  const where = `calibration sample, input ${quoted(name)}`;
  if (tensor === undefined) throw new SluiceError('tensor_name', `${where}: missing`);
  if (tensor.datatype !== 'FP32') {
    throw new SluiceError('tensor_datatype', `${where}: ${tensor.datatype}, FP32 expected`);
  }
  if (tensor.data.length !== elementCount(shape) * datatypeBytes.FP32) {
    throw new SluiceError('tensor_shape', `${where}: shape [${tensor.shape}], [${shape}] expected`);
  }
  return new Float32Array(new Uint8Array(tensor.data).buffer);
}
