import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../contract/errors.ts';

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

/** The addon's functions (native/addon/module.cpp). */
interface NativeAddon {
  initialise(errorClass: typeof SluiceError): void;
  openSimulator(configuration: string): DeviceHandle;
  describe(device: DeviceHandle): NpuHardware;
  load(
    device: DeviceHandle,
    file: Uint8Array,
  ): { handle: ProgramHandle; inputBytes: number; outputBytes: number };
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
 * One NPU. Its work runs on a thread of its own; an idle device does not keep the process alive.
 * Close it when done: `close()` waits for the thread.
 */
export class NpuDevice {
  readonly hardware: NpuHardware;
  readonly #addon: NativeAddon;
  readonly #handle: DeviceHandle;
  #closed: Promise<void> | undefined;

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
   * may be at a time. Throws `program_invalid`, `program_hardware_mismatch` or `device_closed`.
   */
  load(program: Uint8Array): NpuProgram {
    const { handle, inputBytes, outputBytes } = this.#addon.load(this.#handle, program);
    return new NpuProgram({ addon: this.#addon, handle, inputBytes, outputBytes });
  }

  /** Stops the device; what runs or waits on it is rejected with `device_closed`. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#addon.close(this.#handle, resolve));
    return this.#closed;
  }
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
