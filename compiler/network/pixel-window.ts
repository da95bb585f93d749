import type { Window } from './network.ts';

/** The window of one pixel: of matrix products and of what looks at no neighbours. */
export const pixelWindow: Window = {
  kernelRows: 1,
  kernelColumns: 1,
  strideRows: 1,
  strideColumns: 1,
  dilationRows: 1,
  dilationColumns: 1,
  padTop: 0,
  padLeft: 0,
  padBottom: 0,
  padRight: 0,
};
