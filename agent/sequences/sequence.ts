import type { Tensor } from '../../contract/tensors.ts';
import type { RunTerms } from '../engines/run-terms.ts';
import { WorkQueue, type WorkQueueOptions } from '../engines/work-queue.ts';

/** Gives the turn to the next request. */
export type PassTurn = () => void;

/** One sequence: its state, and the line of its requests, of which one has its turn at a time. */
export class Sequence {
  /** By the name of the input; undefined before the first run and after the last. */
  state: ReadonlyMap<string, Tensor> | undefined;
  /** Requests that have their turn or wait for it. */
  users = 0;
  /** When it was last used. */
  idleSinceMs = 0;
  readonly #turns: WorkQueue<'turn'>;

  constructor(options: WorkQueueOptions) {
    this.#turns = new WorkQueue(options);
    this.#turns.addLane('turn');
  }

  /** Bytes of the state. */
  get bytes(): number {
    return bytesOf(this.state);
  }

  /**
   * Waits for a turn, in the order of the calls, whatever their priority. Throws as `WorkQueue.submit`: a request
   * that is dropped while it waits never gets its turn.
   */
  takeTurn({ signal, deadlineMs }: RunTerms): Promise<PassTurn> {
    const terms = {
      ...(signal === undefined ? {} : { signal }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    };
    return new Promise((granted, refused) => {
      const turn = (): Promise<void> => new Promise((pass) => granted(pass));
      this.#turns.submit(turn, terms).catch(refused);
    });
  }
}

/** Bytes of state tensors. */
export function bytesOf(state: ReadonlyMap<string, Tensor> | undefined): number {
  return [...(state?.values() ?? [])].reduce((sum, { data }) => sum + data.byteLength, 0);
}
