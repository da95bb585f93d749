import { type ErrorCode, SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { Engine } from '../engines/engine.ts';
import { lowestPriority } from '../engines/run-terms.ts';
import type { OpenedImage } from '../images/opened-image.ts';
import { zeroTensor } from '../tensors/zeros.ts';
import type { ImageEnvironment } from './image-layers.ts';
import type { StartedNpu } from './start-npu.ts';
import { differenceOf, inputsOf, toTensor } from './warm-up.ts';

interface ProbeSample {
  inputs: Tensor[];
  expected: Tensor[];
}

/** Failures that a device which is opened anew, or a program which is loaded again, may not have. */
const curableCodes: ReadonlySet<ErrorCode> = new Set([
  'device_closed',
  'device_fault',
  'device_timeout',
  'device_unavailable',
  'verification_failed',
]);

/**
 * A probe of an image's NPU route: it answers the first golden sample, or zeros as the CPU did when the image was
 * loaded, to the byte. One that does not is revived and tried once more. Throws `manifest_invalid` or an engine's
 * error now; the probe throws `verification_failed` or a device's code.
 */
export async function npuProbe(options: {
  environment: ImageEnvironment;
  image: OpenedImage;
  npu: StartedNpu;
  cpu: Engine;
}): Promise<() => Promise<void>> {
  const { environment, image, npu, cpu } = options;
  const sample = await sampleOf(image, cpu);
  return async () => {
    try {
      await check(npu.engine, sample);
    } catch (thrown) {
      if (!curableCodes.has(toSluiceError(thrown).code)) throw thrown;
      await environment.npu?.revive(npu.program);
      await check(npu.engine, sample);
    }
  };
}

/** Kept while the image is served, so that a probe needs neither the disk nor the CPU route. */
async function sampleOf(image: OpenedImage, cpu: Engine): Promise<ProbeSample> {
  const { signature } = image.run;
  const [golden] = await image.readSamples();
  if (golden !== undefined) {
    return { inputs: inputsOf(golden, signature), expected: golden.outputs.map(toTensor) };
  }
  const inputs = signature.inputs.map(zeroTensor);
  return { inputs, expected: await cpu.infer(inputs) };
}

async function check(engine: Engine, { inputs, expected }: ProbeSample): Promise<void> {
  const outputs = await engine.infer(inputs, { priority: lowestPriority });
  for (const tensor of expected) {
    const actual = outputs.find(({ name }) => name === tensor.name);
    const difference = actual === undefined ? 'it is missing' : differenceOf(tensor, actual);
    if (difference === undefined) continue;
    throw new SluiceError(
      'verification_failed',
      `probe of ${engine.route}: output ${tensor.name}: ${difference}`,
    );
  }
}
