import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { OnnxEngine } from '../agent/engines/onnx-engine.ts';
import { denseFloatModel } from './dense-models.ts';
import { compare, type Measurement } from './measure.ts';
import { BenchModel } from './open-engine.ts';

const samplePath = fileURLToPath(new URL('../../samples/fashion/model.onnx', import.meta.url));

/** One request at a time in a worker thread and on the event loop: the difference is what changing threads costs. */
export async function benchPlacement(): Promise<Record<string, Measurement[]>> {
  return {
    'one request of a dense layer of 16': await measure(denseFloatModel({ width: 16, layers: 1 })),
    'one request of the sample': await measure(await readFile(samplePath)),
  };
}

async function measure(bytes: Uint8Array): Promise<Measurement[]> {
  const model = await BenchModel.write(bytes);
  const thread = await model.open({ placement: 'thread' });
  const inline = await model.open({ placement: 'inline' });
  const auto = await model.open({ placement: 'auto' });
  const contender = (name: string, engine: OnnxEngine) => ({
    name,
    run: async () => void (await engine.infer(model.inputs())),
  });
  try {
    return await compare(
      [
        contender('worker thread', thread),
        contender('event loop', inline),
        contender(`auto, which chose the ${auto.isInline ? 'event loop' : 'thread'}`, auto),
      ],
      // Single calls, so that the median leaves out those that other processes held up.
      { rounds: 1_500, callsPerRound: 1 },
    );
  } finally {
    await Promise.all([thread, inline, auto].map((engine) => engine.close()));
    await model.remove();
  }
}
