import { SluiceError } from '../contract/errors.ts';
import { decodeProgramHeader } from '../contract/npu/program.ts';
import { elementCount, type Tensor } from '../contract/tensors.ts';
import { NpuDevice } from '../native/npu.ts';
import type { CompiledModel } from './compile.ts';
import { readModel } from './onnx/read-model.ts';
import { RuntimeModel } from './onnx-runtime.ts';
import { verificationInputs } from './verification-inputs.ts';

/** Runs items, one after the other in one buffer of whole input regions, and gives whole output regions. */
export type ProgramRunner = (inputs: Uint8Array) => Promise<Uint8Array>;

/** The compiled parts that have to agree. */
export type Verifiable = Pick<CompiledModel, 'program' | 'canonicalRegion'>;

/**
 * Runs the program on the simulator of its configuration and the canonical region on ONNX Runtime, over
 * extreme and seeded random inputs. Throws `verification_failed` naming the first difference. Blocks the
 * thread: use it in a worker.
 */
export async function verifyCompiledModel(
  compiled: Verifiable,
  options: { configuration: string },
): Promise<void> {
  const device = NpuDevice.open({ kind: 'simulator', configuration: options.configuration });
  try {
    const program = await device.load(compiled.program);
    await verifyProgram(compiled, async (inputs) => (await program.run(inputs)).outputs);
    program.unload();
  } finally {
    await device.close();
  }
}

/** The same with the program run by whatever is given. */
export async function verifyProgram(compiled: Verifiable, run: ProgramRunner): Promise<void> {
  const { inputBytes, outputBytes } = decodeProgramHeader(compiled.program);
  const region = describeRegion(compiled.canonicalRegion);
  const items = verificationInputs({
    elementCount: region.inputElements,
    countMultiple: Math.max(region.batch, 1),
  });
  const expected = await runRegion(compiled.canonicalRegion, { region, items });
  const inputs = new Uint8Array(items.length * inputBytes);
  for (const [index, { values }] of items.entries()) inputs.set(bytesOf(values), index * inputBytes);
  const outputs = await run(inputs);
  for (const [index, { kind }] of items.entries()) {
    const actual = outputs.subarray(index * outputBytes, index * outputBytes + region.outputElements);
    const start = index * region.outputElements;
    compareItem(actual, expected.subarray(start, start + region.outputElements), `input ${index} (${kind})`);
  }
}

interface RegionShape {
  inputName: string;
  outputName: string;
  /** -1 when it is open. */
  batch: number;
  inputElements: number;
  outputElements: number;
  itemShape: number[];
}

function describeRegion(canonicalRegion: Uint8Array): RegionShape {
  const { inputs, outputs } = readModel(canonicalRegion).graph;
  const [batch = -1, ...itemShape] = inputs[0]?.shape ?? [];
  return {
    inputName: inputs[0]?.name ?? '',
    outputName: outputs[0]?.name ?? '',
    batch,
    inputElements: elementCount(itemShape),
    outputElements: elementCount(outputs[0]?.shape?.slice(1) ?? []),
    itemShape,
  };
}

/** Outputs of ONNX Runtime, item after item. */
async function runRegion(
  canonicalRegion: Uint8Array,
  options: { region: RegionShape; items: readonly { values: Int8Array }[] },
): Promise<Uint8Array> {
  const { region, items } = options;
  const perRun = region.batch === -1 ? items.length : region.batch;
  const outputs = new Uint8Array(items.length * region.outputElements);
  const runtime = await RuntimeModel.load(canonicalRegion);
  try {
    for (let first = 0; first < items.length; first += perRun) {
      const data = Buffer.concat(items.slice(first, first + perRun).map(({ values }) => bytesOf(values)));
      const shape = [perRun, ...region.itemShape];
      const feed: Tensor = { name: region.inputName, datatype: 'INT8', shape, data };
      const output = (await runtime.run([feed])).get(region.outputName);
      if (output?.data.length !== perRun * region.outputElements) {
        throw new SluiceError(
          'verification_failed',
          `ONNX Runtime: output of another size than the graph says`,
        );
      }
      outputs.set(output.data, first * region.outputElements);
    }
  } finally {
    await runtime.release();
  }
  return outputs;
}

function compareItem(actual: Uint8Array, expected: Uint8Array, where: string): void {
  const index = expected.findIndex((byte, position) => byte !== actual[position]);
  if (index === -1) return;
  const [got, wanted] = [new Int8Array(actual)[index], new Int8Array(expected)[index]];
  throw new SluiceError(
    'verification_failed',
    `NPU program: ${where}, output element ${index}: the NPU gives ${got}, ONNX Runtime ${wanted}`,
  );
}

function bytesOf(values: Int8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.length);
}
