/** `start` up to, not including, `end`. */
export interface Range {
  start: number;
  end: number;
}

/** A window along one axis; sizes in elements. */
export interface AxisWindow {
  inputSize: number;
  outputSize: number;
  kernel: number;
  stride: number;
  dilation: number;
  padBefore: number;
  /** Times that each input element is repeated; above 1 only with a kernel and stride of 1 and no padding. */
  upsample: number;
}

/** Elements that a range of outputs reads, and the padding that lies before them. */
export interface InputRange extends Range {
  padBefore: number;
}

/** A window that reads element i for output i. */
export function identityWindow(size: number): AxisWindow {
  return {
    inputSize: size,
    outputSize: size,
    kernel: 1,
    stride: 1,
    dilation: 1,
    padBefore: 0,
    upsample: 1,
  };
}

/** Length of a range. */
export function lengthOf({ start, end }: Range): number {
  return end - start;
}

/** Smallest range that holds both; either may be missing. */
export function unionOf(first: Range | undefined, second: Range): Range {
  if (first === undefined) return second;
  return { start: Math.min(first.start, second.start), end: Math.max(first.end, second.end) };
}

/** A range widened so that an upsampled output begins with the first copy of an input element. */
export function alignedRange(range: Range, { upsample, outputSize }: AxisWindow): Range {
  const start = Math.floor(range.start / upsample) * upsample;
  return { start, end: Math.min(Math.ceil(range.end / upsample) * upsample, outputSize) };
}

/**
 * Inputs under a range of outputs, cut to those that exist. Where every tap lies in the padding, one
 * element stands for the input and `padBefore` keeps all taps outside of it.
 */
export function inputRangeOf(range: Range, window: AxisWindow): InputRange {
  const { inputSize, kernel, stride, dilation, padBefore, upsample } = window;
  if (upsample > 1) {
    return { start: range.start / upsample, end: Math.ceil(range.end / upsample), padBefore: 0 };
  }
  const start = range.start * stride - padBefore;
  const end = (range.end - 1) * stride - padBefore + (kernel - 1) * dilation + 1;
  if (end <= 0) return { start: 0, end: 1, padBefore: -start };
  if (start >= inputSize) return { start: inputSize - 1, end: inputSize, padBefore: end - start };
  const cut = Math.max(start, 0);
  return { start: cut, end: Math.min(end, inputSize), padBefore: cut - start };
}
