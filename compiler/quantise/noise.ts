/** What stands for a signal without any noise; JSON has no infinity. */
const decibelsMax = 200;

/** Sums up the signal of float values and the noise of what stands for them. */
export class Noise {
  #signal = 0;
  #noise = 0;

  add(expected: Float32Array, actual: Float32Array): void {
    let signal = 0;
    let noise = 0;
    for (let index = 0; index < expected.length; index += 1) {
      const value = expected[index] as number;
      const error = (actual[index] as number) - value;
      signal += value * value;
      noise += error * error;
    }
    this.#signal += signal;
    this.#noise += noise;
  }

  /** Noise as a part of the signal. */
  get ratio(): number {
    if (this.#noise === 0) return 0;
    return this.#signal === 0 ? 1 : this.#noise / this.#signal;
  }

  /** 10 log10 of signal to noise, at most 200. */
  get decibels(): number {
    return this.ratio === 0 ? decibelsMax : Math.min(-10 * Math.log10(this.ratio), decibelsMax);
  }
}
