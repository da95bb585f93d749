import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OnnxEngine, type OnnxEngineOptions } from '../agent/engines/onnx-engine.ts';
import { scoringLimits } from '../agent/scoring-limits.ts';
import { digestOf } from '../base/digest.ts';
import { createLogger } from '../base/logger.ts';
import { readModelSignature } from '../compiler/signature.ts';
import type { Tensor } from '../contract/tensors.ts';

/** A model in a file of its own, on which engines can be opened. */
export class BenchModel {
  readonly #folder: string;
  readonly #common: Pick<OnnxEngineOptions, 'model' | 'signature'>;

  private constructor(folder: string, common: Pick<OnnxEngineOptions, 'model' | 'signature'>) {
    this.#folder = folder;
    this.#common = common;
  }

  /** Writes the model to a temporary folder. */
  static async write(bytes: Uint8Array): Promise<BenchModel> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
    const path = join(folder, 'model.onnx');
    await writeFile(path, bytes);
    return new BenchModel(folder, {
      model: { path, digest: digestOf(bytes) },
      signature: readModelSignature(bytes),
    });
  }

  /** An engine with one session, started. */
  async open(
    options: Partial<Pick<OnnxEngineOptions, 'batching' | 'placement' | 'keepsQuantisation'>>,
  ): Promise<OnnxEngine> {
    const engine = new OnnxEngine({
      what: 'bench',
      ...this.#common,
      keepsQuantisation: false,
      sessions: 1,
      queueDepthMax: 256,
      // What is compared is the way that was asked for, whatever this machine thinks of it.
      limits: { ...scoringLimits, batchTrialMs: 30_000 },
      nowMs: () => performance.now(),
      log: createLogger({ name: 'bench', level: 'silent' }),
      ...options,
    });
    await engine.start();
    return engine;
  }

  /** Inputs of one item, in memory of their own. */
  inputs(): Tensor[] {
    return this.#common.signature.inputs.map(({ name, shape }) => {
      const concrete = shape.map((dimension) => Math.abs(dimension));
      const count = concrete.reduce((product, dimension) => product * dimension, 1);
      const values = Float32Array.from({ length: count }, (_, index) => (index % 256) / 255);
      return { name, datatype: 'FP32', shape: concrete, data: new Uint8Array(values.buffer) };
    });
  }

  /** Deletes the file. */
  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }
}
