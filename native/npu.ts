import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';

/** Programs of one device that load or wait to. */
const loadsMax = 64;
/** Bytes of a program that are copied in one turn of the event loop; the fresh pages cost more than the copy. */
const copyPieceBytes = 1024 * 1024;

/** What a device is. */
export interface NpuHardware {
  configuration: string;
  /** Hardware configuration hash that a program must carry: 64 hexadecimal digits. */
  hash: string;
  clockMhz: number;
}

/** What one `run()` did, all its items together, as the hardware counted it. */
export interface NpuCounters {
  instructions: number;
  /** Multiplications of the array, padding lanes included. */
  multiplyAccumulates: number;
  bytesLoaded: number;
  bytesStored: number;
}

/** The answer to one `run()`. */
export interface NpuRunResult {
  /** One output item after the other. */
  outputs: Uint8Array;
  counters: NpuCounters;
}

// Nominal, so that one handle cannot stand in for the other.
type DeviceHandle = { readonly deviceHandle: unique symbol };
type ProgramHandle = { readonly programHandle: unique symbol };

/** A program that the addon has made resident. */
interface LoadedProgram {
  handle: ProgramHandle;
  inputBytes: number;
  outputBytes: number;
}

/** The addon's functions (native/addon/module.cpp). */
interface NativeAddon {
  initialise(errorClass: typeof SluiceError): void;
  openSimulator(configuration: string): DeviceHandle;
  describe(device: DeviceHandle): NpuHardware;
  load(
    device: DeviceHandle,
    file: Uint8Array,
    callback: (error: SluiceError | null, loaded: LoadedProgram) => void,
  ): void;
  unload(program: ProgramHandle): void;
  submit(
    program: ProgramHandle,
    inputs: Uint8Array,
    callback: (error: SluiceError | null, outputs: Uint8Array, counters: NpuCounters) => void,
  ): number;
  cancel(program: ProgramHandle, submission: number): void;
  close(device: DeviceHandle, callback: () => void): void;
}

const addonUrl = new URL('../../build/native/Release/sluice_native.node', import.meta.url);

/** Loads the addon; Node keeps one copy for each thread. Throws `device_unavailable`. */
function loadAddon(): NativeAddon {
  let addon: NativeAddon;
  try {
    addon = createRequire(import.meta.url)(fileURLToPath(addonUrl)) as NativeAddon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new SluiceError('device_unavailable', `NPU addon: ${reason}; run \`npm run build\``, { cause });
  }
  addon.initialise(SluiceError);
  return addon;
}

/**
 * One NPU. It runs and loads programs on threads of its own; an idle device does not keep the process
 * alive. Close it when done: `close()` waits for the threads.
 */
export class NpuDevice {
  readonly hardware: NpuHardware;
  readonly #addon: NativeAddon;
  readonly #handle: DeviceHandle;
  #closed: Promise<void> | undefined;
  #loads = 0;
  /** Fulfilled when the load that was asked for last has ended; keeps nothing of it. */
  #lastLoad: Promise<void> = Promise.resolve();

  private constructor(addon: NativeAddon, handle: DeviceHandle) {
    this.#addon = addon;
    this.#handle = handle;
    this.hardware = addon.describe(handle);
  }

  /** Opens a device. Throws `device_unavailable` for an unknown configuration or a missing addon. */
  static open(options: { kind: 'simulator'; configuration: string }): NpuDevice {
    const addon = loadAddon();
    return new NpuDevice(addon, addon.openSimulator(options.configuration));
  }

  /**
   * Checks a program file (contract/npu/program.ts) completely and makes it resident; several programs
   * may be at a time. Loads follow one another and wait for no run. The bytes must stay as they are until
   * the answer. Rejects with `program_invalid`, `program_hardware_mismatch`, `queue_full` (64 programs
   * load or wait to), `device_fault` (no memory) or `device_closed`.
   */
  async load(program: Uint8Array): Promise<NpuProgram> {
    if (this.#closed !== undefined) throw closedError();
    if (this.#loads >= loadsMax) {
      throw new SluiceError('queue_full', `NPU: ${loadsMax} programs load or wait to already`);
    }
    this.#loads += 1;
    const loaded = this.#lastLoad.then(() => this.#loadInTurn(program));
    this.#lastLoad = loaded.then(
      () => undefined,
      () => undefined,
    );
    try {
      return new NpuProgram({ addon: this.#addon, ...(await loaded) });
    } finally {
      this.#loads -= 1;
    }
  }

  async #loadInTurn(program: Uint8Array): Promise<LoadedProgram> {
    const copy = await this.#copyOf(program);
    return new Promise((resolve, reject) => {
      this.#addon.load(this.#handle, copy, (error, loaded) => {
        if (error === null) resolve(loaded);
        else reject(error);
      });
    });
  }

  /** A copy that nobody else can change or transfer while another thread reads it, made piece by piece. */
  async #copyOf(program: Uint8Array): Promise<Uint8Array> {
    if (program.length > limits.programBytesMax) {
      throw new SluiceError(
        'program_invalid',
        `NPU program: ${program.length} bytes, at most ${limits.programBytesMax} expected`,
      );
    }
    const copy = new Uint8Array(program.length);
    for (let start = 0; start < program.length; start += copyPieceBytes) {
      if (this.#closed !== undefined) throw closedError();
      copy.set(program.subarray(start, start + copyPieceBytes), start);
      await setImmediate();
    }
    if (program.length !== copy.length) {
      throw new SluiceError(
        'program_invalid',
        'NPU program: its buffer was resized or transferred meanwhile',
      );
    }
    return copy;
  }

  /** Stops the device; what runs, loads or waits on it is rejected with `device_closed`. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#addon.close(this.#handle, resolve));
    return this.#closed;
  }
}

function closedError(): SluiceError {
  return new SluiceError('device_closed', 'NPU: the device is closed');
}

/** A program that is resident on a device. */
export class NpuProgram {
  /** Bytes of one input item. */
  readonly inputBytes: number;
  /** Bytes of one output item. */
  readonly outputBytes: number;
  readonly #addon: NativeAddon;
  readonly #handle: ProgramHandle;

  /** For NpuDevice.load(). */
  constructor(options: {
    addon: NativeAddon;
    handle: ProgramHandle;
    inputBytes: number;
    outputBytes: number;
  }) {
    this.#addon = options.addon;
    this.#handle = options.handle;
    this.inputBytes = options.inputBytes;
    this.outputBytes = options.outputBytes;
  }

  /**
   * Runs the items of `inputs`, a positive multiple of `inputBytes`, one after the other; the bytes are
   * copied before it returns. Rejects with `tensor_data`, `limit_exceeded` (64 MiB of inputs or outputs),
   * `queue_full` (256 runs wait), `device_timeout` after `timeoutMs`, `device_fault` or `device_closed`.
   */
  run(inputs: Uint8Array, options: { timeoutMs?: number } = {}): Promise<NpuRunResult> {
    const { timeoutMs } = options;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const submission = this.#addon.submit(this.#handle, inputs, (error, outputs, counters) => {
        clearTimeout(timer);
        if (error === null) resolve({ outputs, counters });
        else reject(error);
      });
      if (timeoutMs === undefined) return;
      timer = setTimeout(() => {
        this.#addon.cancel(this.#handle, submission);
        reject(new SluiceError('device_timeout', `NPU: no answer within ${timeoutMs} ms`));
      }, timeoutMs);
    });
  }

  /** Frees the program's memory when its last run has ended; a later `run()` is rejected with `device_closed`. */
  unload(): void {
    this.#addon.unload(this.#handle);
  }
}
