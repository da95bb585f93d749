import type { Logger } from '../../base/logger.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import { NpuDevice, type NpuProgram } from '../../native/npu.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import type { NpuDescription } from '../supervise/control-protocol.ts';
import type { NpuSelection } from '../supervise/npu-selection.ts';
import { ResidentProgram } from './resident-program.ts';

/** What a process's NPU needs. */
export interface OpenNpuOptions {
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
}

/**
 * The NPU of this process, for all images: a device that is opened anew when it is gone, and the programs that
 * are loaded on it.
 */
export class OpenNpu {
  readonly description: NpuDescription;
  readonly #options: OpenNpuOptions;
  readonly #selection: NpuSelection;
  readonly #programs = new Set<ResidentProgram>();
  #device: NpuDevice;
  #reopening: Promise<void> | undefined;
  #leftBehind = 0;
  #closed = false;

  constructor(device: NpuDevice, selection: NpuSelection, options: OpenNpuOptions) {
    const { configuration, hash } = device.hardware;
    this.description = { route: selection.kind === 'xrt' ? 'fpga' : 'fpga-sim', configuration, hash };
    this.#device = device;
    this.#selection = selection;
    this.#options = options;
  }

  /** The device that is open now. */
  get device(): NpuDevice {
    return this.#device;
  }

  /** Loads a program that follows the device; `readFile` gives its bytes again. Throws what `NpuDevice.load` throws. */
  async load(file: Uint8Array, readFile: () => Promise<Uint8Array>): Promise<ResidentProgram> {
    const program = new ResidentProgram({
      program: await this.#loadWhereOpen(file),
      readFile,
      nowMs: this.#options.nowMs,
      onUnloaded: (unloaded) => this.#programs.delete(unloaded),
    });
    this.#programs.add(program);
    return program;
  }

  /**
   * Brings back what a program needs to run. While the device answers other programs this one alone is loaded
   * again; else the device is opened anew, once for all who ask, and every program loaded on it. Throws a device's
   * code, or what loading throws.
   */
  async revive(program: ResidentProgram): Promise<void> {
    if (this.#reopening === undefined && this.#answersOthers(program)) return program.loadOn(this.#device);
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening;
  }

  /** Closes the device for good. Rejects with `device_fault` when it does not stop. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#reopening?.catch(() => undefined);
    await this.#device.close();
  }

  /** A device that is given up meanwhile is no reason to refuse an image: the next one gets its program. */
  async #loadWhereOpen(file: Uint8Array): Promise<NpuProgram> {
    await this.#reopening?.catch(() => undefined);
    const device = this.#device;
    try {
      return await device.load(file);
    } catch (thrown) {
      await this.#reopening?.catch(() => undefined);
      if (device === this.#device) throw thrown;
      return this.#device.load(file);
    }
  }

  #answersOthers(program: ResidentProgram): boolean {
    if (this.#device.isClosed) return false;
    const { limits, nowMs } = this.#options;
    const sinceMs = nowMs() - limits.npuReopenQuietMs;
    return [...this.#programs].some((other) => other !== program && other.answeredAtMs > sinceMs);
  }

  async #reopen(): Promise<void> {
    const { limits, log } = this.#options;
    if (this.#closed) throw new SluiceError('device_closed', 'NPU: the device is closed');
    if (this.#leftBehind >= limits.npuLeftBehindMax) {
      throw new SluiceError(
        'device_fault',
        `NPU: ${this.#leftBehind} devices did not stop; no more are opened until the process starts again`,
      );
    }
    for (const program of this.#programs) program.detach();
    // First, because a board is not opened twice.
    await this.#device.close().catch((thrown: unknown) => {
      this.#leftBehind += 1;
      log.error(
        { code: toSluiceError(thrown).code },
        `an NPU is left behind: ${toSluiceError(thrown).message}`,
      );
    });
    this.#device = await openDevice(this.#selection, log);
    log.info(`NPU opened anew: ${this.description.configuration}`);
    for (const program of this.#programs) {
      await program.loadOn(this.#device).catch((thrown: unknown) => {
        const { code, message } = toSluiceError(thrown);
        log.warn({ code }, `a program cannot be loaded on the NPU again: ${message}`);
      });
    }
  }
}

/** Opens the selected NPU. One that cannot be opened is logged: everything is then served on the CPU. */
export async function openNpu(
  selection: NpuSelection | null,
  options: OpenNpuOptions,
): Promise<OpenNpu | undefined> {
  if (selection === null) return undefined;
  const { log } = options;
  try {
    const device = await openDevice(selection, log);
    return new OpenNpu(device, selection, options);
  } catch (thrown) {
    const { code, message } = toSluiceError(thrown, 'device_unavailable');
    log.warn({ code }, `serving without NPU: ${message}`);
    return undefined;
  }
}

async function openDevice(selection: NpuSelection, log: Logger): Promise<NpuDevice> {
  const device = selection.kind === 'xrt' ? await NpuDevice.openXrt(selection) : NpuDevice.open(selection);
  logSimulator(device, log);
  return device;
}

/** The simulator's seed decides in what order its units run: with it a wrong answer can be had again. */
function logSimulator({ simulator, hardware }: NpuDevice, log: Logger): void {
  if (simulator === undefined) return;
  const { seed, threads, kernels } = simulator;
  log.info({ seed: String(seed), threads, kernels }, `simulating the NPU ${hardware.configuration}`);
}
