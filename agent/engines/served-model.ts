import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { releaseMemory } from '../../native/release-memory.ts';
import type { RuntimeLane } from '../../ort/runtime-lane.ts';
import { type LaneRun, RuntimeModel } from '../../ort/runtime-model.ts';
import { freeMemory, ownedByRequest, whileInUse } from '../request-memory.ts';
import type { LentOutputs } from './lent-outputs.ts';
import type { ModelSource } from './model-source.ts';

/** Bytes that are hashed in one turn of the event loop. */
const pieceBytes = 512 * 1024;

/** A model of an image, loaded by ONNX Runtime; any number of lanes may run it at once. */
export class ServedModel {
  readonly #outputNames: string[];
  readonly #source: ModelSource;
  readonly #model: RuntimeModel;
  readonly #lent: LentOutputs;
  /** Of the outputs of the last run: the next one's are likely to be as large. */
  #outputBytes: number[] = [];

  private constructor(source: ModelSource, model: RuntimeModel, lent: LentOutputs) {
    this.#source = source;
    this.#model = model;
    this.#lent = lent;
    this.#outputNames = source.signature.outputs.map(({ name }) => name);
  }

  /** Reads the file and loads it in a lane. Throws `blob_digest_mismatch`, `engine_failed` or `manifest_invalid`. */
  static async load(
    source: ModelSource,
    { lane, lent }: { lane: RuntimeLane; lent: LentOutputs },
  ): Promise<ServedModel> {
    const { keepsQuantisation, signature } = source;
    const bytes = await readChecked(source);
    let model: RuntimeModel;
    try {
      model = await RuntimeModel.loadOn(lane, bytes, { fusesQuantisation: !keepsQuantisation });
    } catch (thrown) {
      // Its bytes are those that the workspace registered, so it is the engine of this device that fails.
      throw new SluiceError('engine_failed', toSluiceError(thrown).message, { cause: thrown });
    } finally {
      releaseMemory(bytes);
    }
    try {
      checkNames('input', model.inputNames, signature.inputs);
      checkNames('output', model.outputNames, signature.outputs);
    } catch (thrown) {
      await model.release();
      throw thrown;
    }
    return new ServedModel(source, model, lent);
  }

  /**
   * Runs on a lane, which reads the inputs' own memory. Outputs in the signature's order; large ones in lent memory, for
   * a caller that frees them. Throws `engine_failed`, or `tensor_data` for an input that cannot be held.
   */
  async runOn(
    lane: RuntimeLane,
    inputs: readonly Tensor[],
    { freesOutputs }: { freesOutputs: boolean },
  ): Promise<LaneRun> {
    const targets = freesOutputs ? this.#outputBytes.map((bytes) => this.#lent.lend(bytes)) : [];
    const memory = inputs.map(({ data }) => data);
    let used: Tensor[] = [];
    try {
      const run = await whileInUse(memory, () =>
        this.#model.runOn(lane, inputs, { outputNames: this.#outputNames, targets }),
      );
      this.#outputBytes = run.outputs.map(({ data }) => data.length);
      used = run.outputs;
      return { ...run, outputs: this.#checked(run.outputs) };
    } finally {
      for (const target of targets) {
        if (target !== undefined && !used.some(({ data }) => data === target)) freeMemory(target);
      }
    }
  }

  /** The same at once, in the calling thread. */
  runNow(inputs: readonly Tensor[]): Tensor[] {
    const outputs = this.#model.runNow(inputs, this.#outputNames);
    for (const { data } of outputs) ownedByRequest(data);
    return this.#checked(outputs);
  }

  /** Frees the session, once the runs that go on are over. */
  release(): Promise<void> {
    return this.#model.release();
  }

  #checked(outputs: Tensor[]): Tensor[] {
    for (const [index, { name, datatype }] of this.#source.signature.outputs.entries()) {
      const actual = outputs[index]?.datatype;
      if (actual === datatype) continue;
      throw new SluiceError('engine_failed', `output ${name} is ${actual}, ${datatype} expected`);
    }
    return outputs;
  }
}

/** Reads a model, and hashes it piece by piece, so that the event loop turns in between. */
async function readChecked({ path, digest }: ModelSource): Promise<Uint8Array> {
  const hash = createHash('sha256');
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.allocUnsafeSlow(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await file.read(bytes, length, Math.min(pieceBytes, size - length), length);
      if (bytesRead === 0) break;
      hash.update(bytes.subarray(length, length + bytesRead));
      length += bytesRead;
    }
    const actual = `sha256:${hash.digest('hex')}`;
    if (actual === digest && length === size) return bytes;
    throw new SluiceError(
      'blob_digest_mismatch',
      `model ${digest}: its bytes on disk have the digest ${actual}`,
    );
  } finally {
    await file.close();
  }
}

function checkNames(kind: string, actual: readonly string[], described: readonly { name: string }[]): void {
  for (const { name } of described) {
    if (actual.includes(name)) continue;
    throw new SluiceError(
      'manifest_invalid',
      `run manifest: ${kind} ${name} does not exist in the model, which has ${actual.join(', ')}`,
    );
  }
}
