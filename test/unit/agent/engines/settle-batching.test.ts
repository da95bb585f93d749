import { expect, it } from 'vitest';
import { type BatchingTerms, settleBatching } from '../../../../agent/engines/settle-batching.ts';
import { scoringLimits } from '../../../../agent/scoring-limits.ts';
import { createLogger } from '../../../../base/logger.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import type { Tensor } from '../../../../contract/tensors.ts';

const deviceItemsMax = 12;

/** Of a device that refuses more items, and takes as long for any number. */
function settle(terms: Partial<BatchingTerms>) {
  let now = 0;
  return settleBatching({
    what: 'test',
    signature: {
      inputs: [{ name: 'x', datatype: 'INT8', shape: [-1, 3] }],
      outputs: [{ name: 'y', datatype: 'INT8', shape: [-1, 3] }],
    },
    itemsAreIndependent: true,
    itemsMax: deviceItemsMax,
    wanted: undefined,
    limits: scoringLimits,
    nowMs: () => now,
    log: createLogger({ name: 'test', level: 'silent' }),
    run: async ([x]) => {
      now += 1;
      if ((x?.shape[0] ?? 0) > deviceItemsMax) throw new SluiceError('limit_exceeded', 'on purpose');
      return [{ ...(x as Tensor), name: 'y' }];
    },
    ...terms,
  });
}

it('never merges more than a run may have, whoever wants it', async () => {
  expect(await settle({})).toMatchObject({ itemsMax: 12 });
  const wanted = { itemsMax: 64, bytesMax: 1024, delayMs: 2, preferredItems: [] };
  expect(await settle({ wanted })).toEqual({ ...wanted, itemsMax: 12 });
  expect(await settle({ wanted, itemsAreIndependent: false })).toEqual({ ...wanted, itemsMax: 12 });
  expect(await settle({ itemsMax: 1 })).toBeUndefined();
  expect(await settle({ wanted, itemsMax: 1 })).toBeUndefined();
});
