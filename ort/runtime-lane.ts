import { onnxRuntime } from './library.ts';
import type { LaneHandle } from './onnx-addon.ts';

/**
 * A thread that loads and runs models, one after the other. It ends with the JavaScript thread that opened it, and
 * keeps that alive while it works.
 */
export class RuntimeLane {
  readonly handle: LaneHandle;
  #closed: Promise<void> | undefined;

  private constructor(handle: LaneHandle) {
    this.handle = handle;
  }

  /** Throws `engine_failed`. */
  static open(): RuntimeLane {
    return new RuntimeLane(onnxRuntime().addon.openLane());
  }

  /** Has the run that goes on fail soon, between two nodes of its graph; loading goes on. */
  terminate(): void {
    onnxRuntime().addon.terminateLane(this.handle);
  }

  /** Takes no more work; resolves when what there is is over and the thread has ended. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      onnxRuntime().addon.closeLane(this.handle, resolve);
    });
    return this.#closed;
  }
}
