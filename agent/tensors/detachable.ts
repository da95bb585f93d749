import type { Tensor } from '../../contract/tensors.ts';

/**
 * Makes tensors fit for another thread. A tensor whose data is part of a larger buffer is copied first,
 * because a message clones the whole buffer of a view.
 */
export function detachable(tensors: readonly Tensor[]): Tensor[] {
  return tensors.map((tensor) =>
    ownsItsBuffer(tensor) ? tensor : { ...tensor, data: new Uint8Array(tensor.data) },
  );
}

function ownsItsBuffer(tensor: Tensor): boolean {
  return tensor.data.byteLength === tensor.data.buffer.byteLength;
}
