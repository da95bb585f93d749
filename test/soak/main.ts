import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BlobStore } from '../../base/blob-store.ts';
import { makeImage } from '../support/make-image.ts';
import { seededRandom } from '../support/random.ts';
import { script } from './questions.ts';
import { say } from './say.ts';
import { SoakedProcess } from './scoring-process.ts';
import { soak } from './soak.ts';

const usage = 'usage: npm run soak -- [--minutes 10] [--seed n]';
const configuration = 'kv260-m';

/**
 * Loads the scoring process as an agent runs it, at 80 % of what it can do, while clients leave and images are
 * swapped. The exit code is 1 when an accepted request was lost, a byte was wrong, or something leaked.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(minutes > 0 && minutes <= 24 * 60) || !Number.isSafeInteger(seed)) {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  say('soak', `${minutes} minutes, --seed ${seed}`);
  const blobRoot = mkdtempSync(join(tmpdir(), 'sluice-soak-'));
  const agent = new Agent({ keepAlive: true });
  let scoring: SoakedProcess | undefined;
  try {
    const blobs = new BlobStore(blobRoot);
    await blobs.start();
    // The same model twice, and again behind a script.
    const images = await Promise.all(
      [1, 2].map((version) => makeImage(blobs, { version, accelerate: configuration, queueDepth: 64 })),
    );
    const scripted = await makeImage(blobs, {
      name: 'scripted',
      accelerate: configuration,
      script,
      queueDepth: 64,
    });
    scoring = new SoakedProcess({ blobRoot, configuration });
    const port = await scoring.listening();
    await scoring.activate('fashion', images[0] as string);
    await scoring.activate('scripted', scripted);
    const next = seededRandom(seed);
    const random = (): number => next() / 2 ** 32;
    const violations = await soak({ scoring, port, agent, images, random, minutes });
    for (const violation of violations) say('violation', `${violation}`);
    const verdict =
      violations.length === 0 ? 'no accepted request lost, no wrong byte' : `${violations.length} violations`;
    say('soak', `${violations.length === 0 ? 'passed' : 'FAILED'}: ${verdict}; --seed ${seed}`);
    return violations.length === 0 ? 0 : 1;
  } finally {
    agent.destroy();
    scoring?.kill();
    rmSync(blobRoot, { recursive: true, force: true });
  }
}

process.exitCode = await main();
