import { createHash } from 'node:crypto';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { RuntimeModel } from '../../ort/runtime-model.ts';
import type { ModelSource } from './onnx-protocol.ts';

/** A model of an image, loaded by ONNX Runtime in the calling thread, which loading and running block. */
export class ServedModel {
  readonly #source: ModelSource;
  readonly #model: RuntimeModel;

  private constructor(source: ModelSource, model: RuntimeModel) {
    this.#source = source;
    this.#model = model;
  }

  /** Takes the file's bytes. Throws `blob_digest_mismatch`, `engine_failed` or `manifest_invalid`. */
  static async load(source: ModelSource, bytes: Uint8Array): Promise<ServedModel> {
    const { digest, keepsQuantisation, signature } = source;
    const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (actual !== digest) {
      const text = `model ${digest}: its bytes on disk have the digest ${actual}`;
      throw new SluiceError('blob_digest_mismatch', text);
    }
    let model: RuntimeModel;
    try {
      model = await RuntimeModel.load(bytes, { fusesQuantisation: !keepsQuantisation });
    } catch (thrown) {
      // Its bytes are those that the workspace registered, so it is the engine of this device that fails.
      throw new SluiceError('engine_failed', toSluiceError(thrown).message, { cause: thrown });
    }
    checkNames('input', model.inputNames, signature.inputs);
    checkNames('output', model.outputNames, signature.outputs);
    return new ServedModel(source, model);
  }

  /** Outputs in the signature's order. Throws `engine_failed`, or `tensor_data` for an input that cannot be held. */
  async run(inputs: readonly Tensor[]): Promise<Tensor[]> {
    const { outputs } = this.#source.signature;
    const results = await this.#model.run(
      inputs,
      outputs.map(({ name }) => name),
    );
    return outputs.map(({ name, datatype }) => {
      const result = results.get(name);
      if (result?.datatype === datatype) return result;
      throw new SluiceError('engine_failed', `output ${name} is ${result?.datatype}, ${datatype} expected`);
    });
  }

  /** Frees the session. */
  release(): Promise<void> {
    return this.#model.release();
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
