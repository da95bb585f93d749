import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileModel } from '../../../compiler/compile.ts';
import { readModelSignature } from '../../../compiler/signature.ts';
import { SluiceError } from '../../../contract/errors.ts';
import { fashionSet } from '../../support/golden-sets.ts';
import { repositoryPath } from '../../support/paths.ts';
import { seededRandom } from '../../support/random.ts';

const refusals = ['model_invalid', 'model_unsupported'];

/** How the compiler takes a file: `compiled` or the code it refuses with; anything else fails the test. */
async function outcomeOf(model: Uint8Array): Promise<string> {
  try {
    await compileModel(model, { configuration: 'ci' });
    return 'compiled';
  } catch (thrown) {
    if (thrown instanceof SluiceError && refusals.includes(thrown.code) && !thrown.message.includes('\n')) {
      return thrown.code;
    }
    throw thrown;
  }
}

const digits = new Uint8Array(
  readFileSync(repositoryPath('test', 'golden', 'digits', 'digits_mlp_qop_pc.onnx')),
);

describe('a damaged model', () => {
  it.each([
    ['digits', digits],
    ['fashion', fashionSet().model],
  ])('%s cut off at every 97th byte is refused', async (_, model) => {
    for (let length = 0; length < model.length; length += 97) {
      expect(await outcomeOf(model.subarray(0, length)), `${length} bytes`).not.toBe('compiled');
    }
  });

  it('with random bytes changed is compiled or refused with a code', async () => {
    const random = seededRandom(2024);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 400; round += 1) {
      const model = digits.slice();
      for (let change = 0; change <= round % 8; change += 1) model[random() % model.length] = random() & 0xff;
      const outcome = await outcomeOf(model);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].sort()).toEqual(['compiled', ...refusals]);
  });

  it('with bytes of its structure changed gives a signature or a coded refusal', () => {
    const random = seededRandom(77);
    let refused = 0;
    for (let round = 0; round < 1500; round += 1) {
      const model = digits.slice();
      const where = random() % 2 === 0 ? random() % 400 : model.length - 1 - (random() % 400);
      model[where] = random() & 0xff;
      try {
        readModelSignature(model);
      } catch (thrown) {
        if (!(thrown instanceof SluiceError)) throw thrown;
        expect(refusals).toContain(thrown.code);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  it('of random bytes is refused', async () => {
    const random = seededRandom(5);
    for (let round = 0; round < 200; round += 1) {
      const bytes = Uint8Array.from({ length: 1 + (random() % 300) }, () => random() & 0xff);
      expect(await outcomeOf(bytes)).not.toBe('compiled');
    }
  });

  it('of subgraphs nested without end is refused', async () => {
    // GraphProto.node (1) > NodeProto.attribute (5) > AttributeProto.g (6), wrapped again and again.
    let bytes = new Uint8Array();
    const wrap = (tag: number): void => {
      const length = bytes.length;
      const prefix = [(tag << 3) | 2, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
      bytes = Uint8Array.from([...prefix, ...bytes]);
    };
    for (let depth = 0; depth < 300; depth += 1) for (const tag of [6, 5, 1]) wrap(tag);
    wrap(7);
    expect(await outcomeOf(bytes)).toBe('model_invalid');
  });
});
