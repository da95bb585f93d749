import '../ort/disable-telemetry.ts';
import { denseFloatModel } from './dense-models.ts';
import { BenchModel } from './open-engine.ts';

// A process that loads a model again and again, each time before it closes the one before, as a device does that
// gets new images. Prints its resident megabytes after each time, as one JSON array.

/** What closing a thread frees, it frees a little later. */
const settleMs = 20;

async function main([width = '', layers = '', swaps = '']: readonly string[]): Promise<void> {
  const model = await BenchModel.write(denseFloatModel({ width: Number(width), layers: Number(layers) }));
  const residentMb: number[] = [];
  let old = await model.open({});
  try {
    for (let swap = 0; swap < Number(swaps); swap += 1) {
      const next = await model.open({});
      await next.infer(model.inputs());
      await old.close();
      old = next;
      await new Promise((resolve) => setTimeout(resolve, settleMs));
      residentMb.push(Math.round(process.memoryUsage.rss() / 1e6));
    }
  } finally {
    await old.close();
    await model.remove();
  }
  console.log(JSON.stringify(residentMb));
}

await main(process.argv.slice(2));
