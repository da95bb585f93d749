import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import { loadAddon } from './load-addon.ts';
import type {
  DeviceHandle,
  LoadedProgram,
  NativeAddon,
  NpuCounters,
  NpuHardware,
  ProgramHandle,
  SimulatorFacts,
} from './native-addon.ts';

export type { NpuCounters, NpuHardware, SimulatorFacts } from './native-addon.ts';

/** Programs of one device that load or wait to. */
const loadsMax = 64;
/** Bytes of a program that are copied in one turn of the event loop; the fresh pages cost more than the copy. */
const copyPieceBytes = 1024 * 1024;

/** What to simulate, and how. */
export interface SimulatorOptions {
  kind: 'simulator';
  configuration: string;
  /** Of the order among units that are ready, so that a fault can be had again; drawn anew without one. */
  seed?: number | bigint;
  /** Threads that share a large instruction, 1 to 64; as many as the processor has, at most 4, without. */
  threads?: number;
}

/**
 * The C simulation: the sources that are synthesised, compiled for this processor. Slow, and between two
 * looks at `close()` or a timeout is a whole instruction, so it has two minutes to stop.
 */
export interface CsimOptions {
  kind: 'csim';
  configuration: string;
}

/** The answer to one `run()`. */
export interface NpuRunResult {
  /** One output item after the other. */
  outputs: Uint8Array;
  counters: NpuCounters;
}

/** A board through the Xilinx Runtime. */
export interface XrtOptions {
  /** The board image that hls/vitis builds. */
  xclbin: string;
  /** Which of the computer's boards, from 0. */
  deviceIndex: number;
  /** The hardware configuration that the image was built for. */
  configuration: string;
}

const hostUrl = new URL('../../build/native/Release/sluice-device-host', import.meta.url);
const xrtUrl = new URL('sluice_xrt.so', hostUrl);

/** What a device's process gets of the environment: how to find its runtime, and nothing secret. */
const deviceEnvironment = [
  ...['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'LD_LIBRARY_PATH'],
  ...['XILINX_XRT', 'XILINX_VITIS', 'XCL_EMULATION_MODE', 'XRT_INI_PATH', 'EMCONFIG_PATH'],
];

/**
 * One NPU. It runs and loads programs on threads of its own; an idle device does not keep the process
 * alive. Close it when done: `close()` waits for the threads. A device that does not stop within five
 * seconds of being told to, by a timeout or `close()`, counts as hung: every answer then is `device_fault`.
 */
export class NpuDevice {
  readonly hardware: NpuHardware;
  /** Of a simulator only. */
  readonly simulator: SimulatorFacts | undefined;
  readonly #addon: NativeAddon;
  readonly #handle: DeviceHandle;
  #closed: Promise<void> | undefined;
  #loads = 0;
  /** Fulfilled when the load that was asked for last has ended; keeps nothing of it. */
  #lastLoad: Promise<void> = Promise.resolve();

  private constructor(addon: NativeAddon, handle: DeviceHandle, simulator?: SimulatorFacts) {
    this.#addon = addon;
    this.#handle = handle;
    this.simulator = simulator;
    this.hardware = addon.describe(handle);
  }

  /**
   * Opens a device. Throws `device_unavailable` for an unknown configuration or a missing addon,
   * `limit_exceeded` for more than 64 threads.
   */
  static open(options: SimulatorOptions | CsimOptions): NpuDevice {
    const addon = loadAddon<NativeAddon>();
    if (options.kind === 'csim') return new NpuDevice(addon, addon.openCsim(options.configuration));
    const { seed, threads } = options;
    const { device, ...facts } = addon.openSimulator(options.configuration, { seed, threads });
    return new NpuDevice(addon, device, facts);
  }

  /**
   * Opens a board. XRT runs in a process of its own, which is started again when it ends, and killed when a
   * run that was given up does not end. Linux only. Rejects with `device_unavailable`: no such board, an
   * image for another configuration, XRT missing when this was built.
   */
  static async openXrt(options: XrtOptions): Promise<NpuDevice> {
    const addon = loadAddon<NativeAddon>();
    if (!existsSync(xrtUrl)) {
      throw new SluiceError(
        'device_unavailable',
        'XRT: this build has no sluice_xrt.so; install XRT (Debian: apt install libxrt-dev uuid-dev), then `npm run build`',
      );
    }
    const handle = await new Promise<DeviceHandle>((resolve, reject) => {
      const started = {
        host: fileURLToPath(hostUrl),
        library: fileURLToPath(xrtUrl),
        configuration: options.configuration,
        image: options.xclbin,
        deviceIndex: options.deviceIndex,
        environment: environmentOfDevice(),
      };
      addon.openProcess(started, (error, opened) => (error === null ? resolve(opened) : reject(error)));
    });
    return new NpuDevice(addon, handle);
  }

  /** Whether `close()` was called. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
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

  /**
   * Stops the device; what runs, loads or waits on it is rejected with `device_closed`. Idempotent. Rejects
   * with `device_fault` when the device did not stop in time: a thread is left behind with it, which does no
   * harm but to hold its memory.
   */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve, reject) =>
      this.#addon.close(this.#handle, (error) => (error === null ? resolve() : reject(error))),
    );
    return this.#closed;
  }
}

function closedError(): SluiceError {
  return new SluiceError('device_closed', 'NPU: the device is closed');
}

/** The variables of `deviceEnvironment` that are set, as NAME=value. */
function environmentOfDevice(): string[] {
  return deviceEnvironment.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [`${name}=${value}`];
  });
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
   * Runs the items of `inputs`, a positive multiple of `inputBytes`, one after the other. The bytes are
   * copied before it returns, unless they lie in what `newInputs()` gave. Rejects with `tensor_data`, `limit_exceeded` (64 MiB of inputs or outputs),
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

  /**
   * Zeroed memory for the inputs of so many items, which `run()` reads in place: it spares large batches the
   * copy. Until the answer it should not be written to, which would change the answer but break nothing;
   * then it may be used again. Throws `limit_exceeded` for more than 64 MiB.
   */
  newInputs(items: number): Uint8Array {
    return this.#addon.newInputs(this.#handle, items);
  }

  /** Frees the program's memory when its last run has ended; a later `run()` is rejected with `device_closed`. */
  unload(): void {
    this.#addon.unload(this.#handle);
  }
}
