import { describe, expect, it } from 'vitest';
import { canBeProbed, probeInputs } from '../../../../agent/engines/probe-inputs.ts';
import { encodeFlat, writeJson } from '../../../../agent/tensors/encode.ts';
import type { Datatype, TensorSignature } from '../../../../contract/tensors.ts';

function signatureOf(datatype: Datatype): TensorSignature {
  const description = { datatype, shape: [-1, 64] };
  return { inputs: [{ name: 'x', ...description }], outputs: [{ name: 'y', ...description }] };
}

describe('inputs that nobody gave', () => {
  it.each(['FP16', 'BF16', 'FP32', 'FP64'] as const)('are numbers from -1 to 1 for %s', async (datatype) => {
    const signature = signatureOf(datatype);
    expect(canBeProbed(signature)).toBe(true);
    const [tensor] = probeInputs(signature, { items: 2, seed: 1 });
    if (tensor === undefined) expect.fail('no input');
    expect(tensor).toMatchObject({ name: 'x', datatype, shape: [2, 64] });
    const values = JSON.parse(String(await writeJson([encodeFlat(tensor)]))) as number[];
    expect(values).toHaveLength(128);
    expect(values.every((value) => value >= -1 && value <= 1)).toBe(true);
    expect(Math.min(...values)).toBeLessThan(-0.5);
    expect(Math.max(...values)).toBeGreaterThan(0.5);
  });

  it('are none for indices and texts', () => {
    for (const datatype of ['INT64', 'BYTES'] as const)
      expect(canBeProbed(signatureOf(datatype))).toBe(false);
  });
});
