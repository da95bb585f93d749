import { SluiceError } from '../../contract/errors.ts';
import type { SequenceSettings } from '../../contract/image.ts';
import type { Tensor, TensorDescription, TensorSignature } from '../../contract/tensors.ts';
import type { RunTerms } from '../engines/run-terms.ts';
import { detachable } from '../tensors/detachable.ts';
import { checkShape, type RequestSignature } from '../tensors/signature.ts';
import { zeroTensor } from '../tensors/zeros.ts';
import { IdleSequences } from './idle-sequences.ts';
import { bytesOf, Sequence } from './sequence.ts';
import type { SequenceRequest } from './sequence-request.ts';

/** What the sequences of an image need. */
export interface SequencesOptions {
  /** Whose sequences these are, for messages. */
  what: string;
  signature: TensorSignature;
  settings: SequenceSettings;
  /** Requests that may wait for their turn: of one sequence, and of all. */
  sequenceWaitingMax: number;
  waitingMax: number;
  /** States of all sequences together. */
  stateBytesMax: number;
  nowMs: () => number;
}

/** One request of a sequence, and what computes the model from all of its inputs. */
export interface SequenceRun {
  sequence: SequenceRequest;
  inputs: Tensor[];
  terms: RunTerms;
  infer: (inputs: Tensor[]) => Promise<Tensor[]>;
}

/**
 * The sequences of one image (Triton's sequence extension): keeps their state tensors between requests, and lets
 * the requests of a sequence run one at a time, in the order they came.
 */
export class Sequences {
  /** What a request of a sequence gives and gets; the state is optional. */
  readonly signature: RequestSignature;
  readonly #options: SequencesOptions;
  readonly #inputs: TensorDescription[];
  readonly #byId = new Map<string, Sequence>();
  readonly #idle: IdleSequences;
  #waiting = 0;
  #stateBytes = 0;

  constructor(options: SequencesOptions) {
    this.#options = options;
    const { signature, settings, nowMs } = options;
    this.#inputs = signature.inputs.filter(({ name }) => settings.state.some(({ input }) => input === name));
    this.signature = requestSignature(signature, settings);
    const { idleMs } = settings;
    this.#idle = new IdleSequences({ idleMs, nowMs, forget: (id) => this.#forget(id) });
  }

  /** As the image has them. */
  get settings(): SequenceSettings {
    return this.#options.settings;
  }

  /** Sequences that are kept. */
  get count(): number {
    return this.#byId.size;
  }

  /** Bytes of all states. */
  get stateBytes(): number {
    return this.#stateBytes;
  }

  /**
   * Runs one request on the state of its sequence and keeps the state that it gives; all outputs are answered. A
   * run that fails, or that nobody waits for any more, leaves the state as it was. Throws `sequence_unknown`,
   * `sequences_full`, `queue_full`, `cancelled`, `deadline_unmet`, `deadline_passed`, `limit_exceeded`,
   * `tensor_name`, or what `infer` throws.
   */
  async run(run: SequenceRun): Promise<Tensor[]> {
    const { sequence: request, inputs } = run;
    const given = inputs.find(({ name }) => this.#inputs.some((input) => input.name === name));
    if (given !== undefined && !request.isStart) {
      throw new SluiceError(
        'tensor_name',
        `input ${given.name}: it is the state of sequence ${quoted(request)}, kept here; give it at its start only`,
      );
    }
    const sequence = this.#enter(request);
    try {
      const pass = await this.#takeTurn(sequence, run);
      try {
        return await this.#step(sequence, run);
      } finally {
        pass();
      }
    } finally {
      this.#leave(request.id, sequence);
    }
  }

  /** Forgets every sequence. Idempotent. */
  close(): void {
    this.#idle.close();
    this.#byId.clear();
    this.#stateBytes = 0;
  }

  #enter(request: SequenceRequest): Sequence {
    this.#idle.expire();
    const sequence = this.#byId.get(request.id) ?? this.#create(request);
    this.#idle.delete(request.id);
    sequence.users += 1;
    return sequence;
  }

  #create(request: SequenceRequest): Sequence {
    const { what, settings, sequenceWaitingMax: depthMax, nowMs } = this.#options;
    if (!request.isStart) throw this.#unknown(request);
    if (this.#byId.size >= settings.sequencesMax) {
      const text = `${what}: ${settings.sequencesMax} sequences are kept already; end one, or wait until one has been idle for ${settings.idleMs} ms`;
      throw new SluiceError('sequences_full', text, { retryAfterMs: this.#idle.nextExpiryMs });
    }
    const sequence = new Sequence({ what: `${what}, sequence ${quoted(request)}`, depthMax, nowMs });
    this.#byId.set(request.id, sequence);
    return sequence;
  }

  async #takeTurn(sequence: Sequence, { terms }: SequenceRun): Promise<() => void> {
    const { what, waitingMax, nowMs } = this.#options;
    if (sequence.users === 1) return sequence.takeTurn(terms);
    if (this.#waiting >= waitingMax) {
      throw new SluiceError(
        'queue_full',
        `${what}: ${waitingMax} requests wait for their turn in a sequence already; try again later`,
      );
    }
    this.#waiting += 1;
    const sinceMs = nowMs();
    try {
      return await sequence.takeTurn(terms);
    } finally {
      this.#waiting -= 1;
      if (terms.phases !== undefined) terms.phases.queueMs += nowMs() - sinceMs;
    }
  }

  async #step(
    sequence: Sequence,
    { sequence: request, inputs, terms, infer }: SequenceRun,
  ): Promise<Tensor[]> {
    if (!request.isStart && sequence.state === undefined) throw this.#unknown(request);
    const before = request.isStart ? undefined : sequence.state;
    const states = this.#inputs
      .filter(({ name }) => !inputs.some((input) => input.name === name))
      .map((description) => before?.get(description.name) ?? zeroTensor(description));
    const outputs = await infer([...inputs, ...states]);
    if (terms.signal?.aborted) {
      throw new SluiceError(
        'cancelled',
        `${this.#options.what}: the client left before the answer was ready`,
      );
    }
    this.#keep(sequence, request.isEnd ? undefined : this.#stateOf(outputs));
    return outputs;
  }

  #stateOf(outputs: readonly Tensor[]): ReadonlyMap<string, Tensor> {
    const { state } = this.#options.settings;
    const tensors = this.#inputs.map((description): Tensor => {
      const { name } = description;
      const pair = state.find(({ input }) => input === name);
      const output = outputs.find((each) => each.name === pair?.output) as Tensor;
      checkState(description, output);
      return { ...output, name };
    });
    // Of its own buffer, so that the state holds no more memory than is counted.
    return new Map(detachable(tensors).map((tensor) => [tensor.name, tensor]));
  }

  #keep(sequence: Sequence, state: ReadonlyMap<string, Tensor> | undefined): void {
    const { what, stateBytesMax } = this.#options;
    const bytes = bytesOf(state);
    if (bytes > stateBytesMax) {
      const text = `${what}: the state of a sequence became ${bytes} bytes; at most ${stateBytesMax} are kept`;
      throw new SluiceError('limit_exceeded', text);
    }
    const allBytes = this.#stateBytes - sequence.bytes + bytes;
    if (allBytes > stateBytesMax) {
      const text = `${what}: the states of all sequences would be ${allBytes} bytes; at most ${stateBytesMax} are kept`;
      throw new SluiceError('sequences_full', text, { retryAfterMs: this.#idle.nextExpiryMs });
    }
    this.#stateBytes = allBytes;
    sequence.state = state;
  }

  #leave(id: string, sequence: Sequence): void {
    sequence.users -= 1;
    if (sequence.users > 0) return;
    if (sequence.state === undefined) this.#forget(id);
    else this.#idle.add(id, sequence);
  }

  #forget(id: string): void {
    this.#stateBytes -= this.#byId.get(id)?.bytes ?? 0;
    this.#byId.delete(id);
  }

  #unknown(request: SequenceRequest): SluiceError {
    const { what, settings } = this.#options;
    return new SluiceError(
      'sequence_unknown',
      `sequence ${quoted(request)}: ${what} knows none of that id; it was never begun, has ended, was idle for more than ${settings.idleMs} ms, or was begun with another image; begin it with the start flag`,
    );
  }
}

/** State outputs are left out of answers, unless the model gives nothing else. */
function requestSignature(signature: TensorSignature, { state }: SequenceSettings): RequestSignature {
  const isStateInput = ({ name }: TensorDescription): boolean => state.some(({ input }) => input === name);
  const isStateOutput = ({ name }: TensorDescription): boolean => state.some(({ output }) => output === name);
  const outputs = signature.outputs.filter((output) => !isStateOutput(output));
  return {
    inputs: signature.inputs.filter((input) => !isStateInput(input)),
    outputs: outputs.length === 0 ? signature.outputs : outputs,
    optional: signature,
  };
}

function checkState(description: TensorDescription, output: Tensor): void {
  try {
    checkShape(description, output.shape);
  } catch (thrown) {
    throw new SluiceError(
      'engine_failed',
      `output ${output.name}: shape [${output.shape}] is none that input ${description.name} takes in the next run ([${description.shape}])`,
      { cause: thrown },
    );
  }
}

function quoted({ id }: SequenceRequest): string {
  return JSON.stringify(id);
}
