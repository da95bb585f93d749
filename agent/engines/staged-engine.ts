import { SluiceError } from '../../contract/errors.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import { freeMemory } from '../request-memory.ts';
import type { Engine, QueueLoad, Route } from './engine.ts';
import type { RunTerms } from './run-terms.ts';

/** A stage of an NPU route: what computes it, and the tensors that it takes and gives. */
export interface Stage {
  engine: Engine;
  signature: TensorSignature;
}

/** The stages of an NPU route; head, tail or both are there. */
export interface StagedEngineOptions {
  /** Whose engine this is, for messages. */
  what: string;
  head?: Stage;
  npu: Stage & { engine: { readonly route: Exclude<Route, 'cpu'> } };
  tail?: Stage;
  /** What the graph takes and gives. */
  signature: TensorSignature;
  queueDepthMax: number;
}

/**
 * The NPU route of a model whose ends stay on ONNX Runtime: head, program and tail, each behind a queue of its
 * own, so that the next request's head runs beside this one's program. Requests are counted at the entrance:
 * what is let in does not find a stage's queue full.
 */
export class StagedEngine implements Engine {
  readonly route: Exclude<Route, 'cpu'>;
  readonly estimate?: string;
  readonly #options: StagedEngineOptions;
  readonly #stages: Stage[];
  #inside = 0;

  constructor(options: StagedEngineOptions) {
    const { head, npu, tail } = options;
    this.route = npu.engine.route;
    if (npu.engine.estimate !== undefined) this.estimate = npu.engine.estimate;
    this.#options = options;
    this.#stages = [...(head === undefined ? [] : [head]), npu, ...(tail === undefined ? [] : [tail])];
  }

  async infer(inputs: Tensor[], terms?: RunTerms): Promise<Tensor[]> {
    const { queueDepthMax, signature } = this.#options;
    // One runs, the others wait.
    if (this.#inside > queueDepthMax) throw this.#full();
    this.#inside += 1;
    try {
      const tensors = new Map(inputs.map((tensor) => [tensor.name, tensor]));
      for (const stage of this.#stages) {
        const inputsOfStage = stage.signature.inputs.map(({ name }) => tensors.get(name) as Tensor);
        const outputs = await stage.engine.infer(inputsOfStage, terms);
        for (const output of outputs) tensors.set(output.name, output);
      }
      const outputs = signature.outputs.map(({ name }) => tensors.get(name) as Tensor);
      // What passes between the stages is this engine's own.
      for (const tensor of tensors.values()) {
        if (!inputs.includes(tensor) && !outputs.includes(tensor)) freeMemory(tensor.data);
      }
      return outputs;
    } finally {
      this.#inside -= 1;
    }
  }

  /** Sum over the stages. */
  get load(): QueueLoad {
    const sum = { depth: 0, running: 0, lanes: 0 };
    for (const { engine } of this.#stages) {
      sum.depth += engine.load?.depth ?? 0;
      sum.running += engine.load?.running ?? 0;
      sum.lanes += engine.load?.lanes ?? 0;
    }
    return sum;
  }

  /** Sum over the stages. */
  expectedMs(priority?: number, items?: number): number {
    return this.#stages.reduce((sum, { engine }) => sum + engine.expectedMs(priority, items), 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.#stages.map(({ engine }) => engine.close()));
  }

  #full(): SluiceError {
    const { what, queueDepthMax } = this.#options;
    return new SluiceError('queue_full', `${what}: ${queueDepthMax} requests wait already; try again later`, {
      retryAfterMs: this.expectedMs(),
    });
  }
}
