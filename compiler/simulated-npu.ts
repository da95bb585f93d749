import type { HardwareConfiguration } from '../contract/npu/hardware.generated.ts';
import { NpuDevice, type NpuProgram } from '../native/npu.ts';
import type { CompiledNetwork } from './network/compile-network.ts';
import { packFeatureMap, unpackFeatureMap } from './network/layout.ts';

/** The functional simulator with one program. */
export class SimulatedNpu {
  readonly #device: NpuDevice;
  readonly #program: NpuProgram;
  readonly #compiled: CompiledNetwork;
  readonly #width: number;

  private constructor(options: {
    device: NpuDevice;
    program: NpuProgram;
    compiled: CompiledNetwork;
    width: number;
  }) {
    this.#device = options.device;
    this.#program = options.program;
    this.#compiled = options.compiled;
    this.#width = options.width;
  }

  /** Loads a program. Throws what NpuDevice throws. */
  static async load(compiled: CompiledNetwork, configuration: HardwareConfiguration): Promise<SimulatedNpu> {
    const device = NpuDevice.open({ kind: 'simulator', configuration: configuration.name });
    try {
      const program = await device.load(compiled.program);
      return new SimulatedNpu({ device, program, compiled, width: configuration.inputParallel });
    } catch (thrown) {
      await device.close();
      throw thrown;
    }
  }

  /** Runs one item: plain maps in the order of the network's inputs; gives those of its outputs. */
  async run(inputs: readonly Int8Array[]): Promise<Int8Array[]> {
    const item = new Uint8Array(this.#program.inputBytes);
    for (const [index, place] of this.#compiled.inputs.entries()) {
      item.set(
        new Uint8Array(packFeatureMap(inputs[index] ?? new Int8Array(0), place, this.#width).buffer),
        place.offsetBytes,
      );
    }
    const { outputs } = await this.#program.run(item);
    return this.#compiled.outputs.map((place) => {
      const bytes = outputs.slice(place.offsetBytes, place.offsetBytes + place.bytes);
      return unpackFeatureMap(new Int8Array(bytes.buffer), place, this.#width);
    });
  }

  /** Frees the simulator. */
  async close(): Promise<void> {
    this.#program.unload();
    await this.#device.close();
  }
}
