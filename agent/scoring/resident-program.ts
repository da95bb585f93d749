import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { NpuDevice, NpuProgram, NpuRunResult } from '../../native/npu.ts';
import type { RunnableProgram } from '../engines/npu-engine.ts';

/** What a program is loaded from, and who listens. */
interface ResidentProgramOptions {
  program: NpuProgram;
  /** The program's file again, for another device. */
  readFile: () => Promise<Uint8Array>;
  nowMs: () => number;
  /** Called once, when the program is unloaded. */
  onUnloaded: (program: ResidentProgram) => void;
}

/** Who hears of runs: one call a run, however many requests it is for. */
export interface RunWatcher {
  answered(): void;
  failed(error: SluiceError): void;
}

/** A program that outlives its device: it is loaded again when the device is opened anew. */
export class ResidentProgram implements RunnableProgram {
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly #options: ResidentProgramOptions;
  #program: NpuProgram | undefined;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #watcher: RunWatcher | undefined;
  #unloaded = false;

  constructor(options: ResidentProgramOptions) {
    const { inputBytes, outputBytes } = options.program;
    this.inputBytes = inputBytes;
    this.outputBytes = outputBytes;
    this.#options = options;
    this.#program = options.program;
  }

  /** When a run of it last gave an answer, by the clock it was given. */
  get answeredAtMs(): number {
    return this.#answeredAtMs;
  }

  /** Tells of every run, also when whoever asked for it is gone. */
  watch(watcher: RunWatcher): void {
    this.#watcher = watcher;
  }

  /** As NpuProgram's; `device_unavailable` while it is on no device. */
  async run(inputs: Uint8Array, options: { timeoutMs?: number } = {}): Promise<NpuRunResult> {
    try {
      if (this.#program === undefined) {
        throw new SluiceError('device_unavailable', 'NPU: the device is being opened anew, or cannot be');
      }
      const result = await this.#program.run(inputs, options);
      this.#answeredAtMs = this.#options.nowMs();
      this.#watcher?.answered();
      return result;
    } catch (thrown) {
      const error = toSluiceError(thrown);
      // Whoever waits for the run has its error first.
      setImmediate(() => this.#watcher?.failed(error));
      throw error;
    }
  }

  /** Runs are refused until it is loaded again. */
  detach(): void {
    this.#program?.unload();
    this.#program = undefined;
  }

  /** Loads it on a device in place of where it was. Throws what `NpuDevice.load` and reading the file throw. */
  async loadOn(device: NpuDevice): Promise<void> {
    const program = await device.load(await this.#options.readFile());
    this.detach();
    if (this.#unloaded) program.unload();
    else this.#program = program;
  }

  /** Frees its memory on the device, for good. Idempotent. */
  unload(): void {
    if (this.#unloaded) return;
    this.#unloaded = true;
    this.detach();
    this.#options.onUnloaded(this);
  }
}
