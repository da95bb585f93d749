import type { SluiceError } from '../contract/errors.ts';
import type { HardwareConfiguration } from '../contract/npu/hardware.generated.ts';

/** What a device is: sizes as in contract/npu/hardware.generated.ts, as the device itself tells them. */
export interface NpuHardware
  extends Pick<
    HardwareConfiguration,
    | 'inputParallel'
    | 'outputParallel'
    | 'pixelParallel'
    | 'vectorParallel'
    | 'activationLines'
    | 'weightTiles'
    | 'parameterBlocks'
    | 'tableSlots'
    | 'clockMhz'
  > {
  configuration: string;
  /** Hardware configuration hash that a program must carry: 64 hexadecimal digits. */
  hash: string;
}

/** How a simulator was opened, with what `SimulatorOptions` left out. */
export interface SimulatorFacts {
  seed: bigint;
  threads: number;
  /** The processor's instructions that it uses. */
  kernels: string;
}

/** What one `run()` did, all its items together, as the hardware counted it. */
export interface NpuCounters {
  instructions: number;
  /** Clocks of the EXECUTE unit's loops, not of the whole run. */
  executeCycles: number;
  /** Multiplications of the array, padding lanes included. */
  multiplyAccumulates: number;
  bytesLoaded: number;
  bytesStored: number;
}

// Nominal, so that one handle cannot stand in for the other.
/** What the addon knows a device by. */
export type DeviceHandle = { readonly deviceHandle: unique symbol };
/** What the addon knows a resident program by. */
export type ProgramHandle = { readonly programHandle: unique symbol };

/** A program that the addon has made resident. */
export interface LoadedProgram {
  handle: ProgramHandle;
  inputBytes: number;
  outputBytes: number;
}

/** The addon's functions (native/addon/module.cpp). */
export interface NativeAddon {
  openSimulator(
    configuration: string,
    options: { seed?: number | bigint | undefined; threads?: number | undefined },
  ): SimulatorFacts & { device: DeviceHandle };
  openCsim(configuration: string): DeviceHandle;
  openProcess(
    options: {
      host: string;
      library: string;
      configuration: string;
      image: string;
      deviceIndex: number;
      environment: string[];
    },
    callback: (error: SluiceError | null, device: DeviceHandle) => void,
  ): void;
  describe(device: DeviceHandle): NpuHardware;
  load(
    device: DeviceHandle,
    file: Uint8Array,
    callback: (error: SluiceError | null, loaded: LoadedProgram) => void,
  ): void;
  unload(program: ProgramHandle): void;
  newInputs(program: ProgramHandle, items: number): Uint8Array;
  submit(
    program: ProgramHandle,
    inputs: Uint8Array,
    callback: (error: SluiceError | null, outputs: Uint8Array, counters: NpuCounters) => void,
  ): number;
  cancel(program: ProgramHandle, submission: number): void;
  close(device: DeviceHandle, callback: (error: SluiceError | null) => void): void;
}
