import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compileModel } from '../compiler/compile.ts';
import { denseFloatModel } from './dense-models.ts';
import { type Contender, compare, type Measurement } from './measure.ts';
import { BenchModel } from './open-engine.ts';

const width = 2048;
const concurrency = 32;
const samplePath = fileURLToPath(new URL('../../samples/fashion/model.onnx', import.meta.url));

/** So many requests at once on one session, each alone and merged: the ratio of times is that of requests a second. */
export async function benchBatching(): Promise<Record<string, Measurement[]>> {
  const sample = await readFile(samplePath);
  const { canonicalModel } = await compileModel(sample, { configuration: 'kv260-m' });
  return {
    [`${concurrency} requests of a float MLP of 3 layers of ${width}`]: await measure(
      denseFloatModel({ width, layers: 3 }),
      { rounds: 9, callsPerRound: 1, keepsQuantisation: false },
    ),
    [`${concurrency} requests of the sample's canonical int8 model`]: await measure(canonicalModel, {
      rounds: 15,
      callsPerRound: 10,
      keepsQuantisation: true,
    }),
  };
}

async function measure(
  bytes: Uint8Array,
  options: { rounds: number; callsPerRound: number; keepsQuantisation: boolean },
): Promise<Measurement[]> {
  const model = await BenchModel.write(bytes);
  const { keepsQuantisation } = options;
  const off = await model.open({ keepsQuantisation });
  const on = await model.open({ keepsQuantisation, batching: 'auto' });
  const contender = (name: string, engine: typeof off): Contender => ({
    name,
    run: async () => {
      await Promise.all(Array.from({ length: concurrency }, () => engine.infer(model.inputs())));
    },
  });
  try {
    return await compare(
      [
        contender('each alone', off),
        contender(`merged, up to ${on.batching?.itemsMax ?? 1} items as the trial found`, on),
      ],
      options,
    );
  } finally {
    await Promise.all([off.close(), on.close()]);
    await model.remove();
  }
}
