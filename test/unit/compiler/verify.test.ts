import { describe, expect, it } from 'vitest';
import { type CompiledNetwork, compileNetwork } from '../../../compiler/network/compile-network.ts';
import type { Layer, Network } from '../../../compiler/network/network.ts';
import { quantisePart } from '../../../compiler/quantise/quantise.ts';
import { verifyProgram } from '../../../compiler/verify.ts';
import { hardwareConfigurations } from '../../../contract/npu/hardware.generated.ts';
import { digitsSet } from '../../support/golden-sets.ts';
import { partOf } from '../../support/quantised-part.ts';

const configuration = hardwareConfigurations.ci;
if (configuration === undefined) throw new Error('no such configuration');

/** Compiles the network with one bias of one layer changed, as a back end with a defect would. */
function compileWithDefect(network: Network, name: string): CompiledNetwork {
  const layers = network.layers.map((layer): Layer => {
    if (layer.name !== name || layer.kind !== 'convolution') return layer;
    return { ...layer, outputZeroPoint: layer.outputZeroPoint + 1 };
  });
  return compileNetwork({ ...network, layers }, configuration as NonNullable<typeof configuration>);
}

describe('verifyProgram', () => {
  it('passes a program that computes its network', async () => {
    const { network, quantisations } = await quantised();
    const compiled = compileNetwork(network, configuration);
    await expect(verifyProgram(compiled, { network, quantisations, configuration })).resolves.toEqual({
      itemCount: 128,
    });
  });

  it.each([0, 1])('names layer %i when that differs first', async (index) => {
    const { network, quantisations } = await quantised();
    const name = network.layers[index]?.name ?? '';
    const compile = (part: Network): CompiledNetwork => compileWithDefect(part, name);
    const proof = { network, quantisations, configuration, compile };
    await expect(verifyProgram(compile(network), proof)).rejects.toMatchObject({
      code: 'verification_failed',
      message: expect.stringContaining(`layer "${name}"`),
    });
  });
});

async function quantised() {
  const { part } = await partOf(digitsSet('pc').model);
  const result = await quantisePart(part, { method: 'auto' });
  expect(result.network.layers.map(({ kind }) => kind)).toContain('convolution');
  return result;
}
