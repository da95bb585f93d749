import type { Agent } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, type Manner } from './ask.ts';
import { probeHealth } from './health-probe.ts';
import { Questions } from './questions.ts';
import { say } from './say.ts';
import type { Held, SoakedProcess } from './scoring-process.ts';
import { listed, Tally } from './tally.ts';

const offeredShare = 0.8;
const capacityClients = 8;
/** More requests than that at once are not sent; it is more than the queues of all images hold. */
const underWayMax = 400;
const warmUpMs = 2_000;
const capacityMs = 4_000;
const swapMs = 5_000;
const progressMs = 10_000;
const leaveMsMax = 20;
/** Shares of clients that are not patient. */
const manners: [Manner, number][] = [
  ['leaves-while-sending', 0.01],
  ['leaves-while-waiting', 0.02],
  ['leaves-while-reading', 0.01],
  ['slow', 0.02],
];
/** What the process may hold more of at the end than after its warm-up. */
const growthMax: Held = { residentMiB: 96, files: 4, threads: 2 };

interface SoakOptions {
  scoring: SoakedProcess;
  port: number;
  agent: Agent;
  /** Two, with the same model. */
  images: readonly string[];
  /** Fractions. */
  random: () => number;
  minutes: number;
}

/** Runs the whole soak and prints its progress; gives what went wrong. */
export async function soak(options: SoakOptions): Promise<string[]> {
  const { scoring, port, agent, minutes } = options;
  const questions = new Questions(options.random);
  const tally = new Tally();
  await closedLoop(options, questions, tally, warmUpMs);
  const perSecond = await closedLoop(options, questions, tally, capacityMs);
  await sleep(1_000);
  const before = scoring.held();
  say('capacity', `${perSecond.toFixed(0)} requests/s with ${capacityClients} clients; offering 80 % of it`);
  const endMs = performance.now() + minutes * 60_000;
  const report = setInterval(() => say('running', `${summary(tally, scoring)}`), progressMs);
  const [swaps, , unhealthy] = await Promise.all([
    swapImages(options, endMs),
    openLoop(options, { questions, tally, perSecond: offeredShare * perSecond, endMs }),
    probeHealth(port, minutes * 60_000),
  ]);
  clearInterval(report);
  agent.destroy();
  // Connections close, replaced images end their last requests, and the heap settles.
  await sleep(3_000);
  say('done', `${summary(tally, scoring)}; ${swaps} swaps`);
  say('right', `${listed(tally.kinds)}`);
  say('routes', `${listed(tally.routes)}`);
  const after = scoring.held();
  return [...tallyViolations(tally), ...unhealthy, ...growth(before, after), ...(await endOf(scoring))];
}

/** A few clients that ask again as soon as they are answered; gives requests a second. */
async function closedLoop(
  { port, agent }: SoakOptions,
  questions: Questions,
  tally: Tally,
  durationMs: number,
): Promise<number> {
  const startMs = performance.now();
  let count = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - startMs < durationMs) {
      const question = questions.next();
      tally.add(question.kind, await ask(question, { port, agent, manner: 'patient', leaveMs: 0 }));
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: capacityClients }, client));
  return (count * 1000) / (performance.now() - startMs);
}

/** Requests at random times of a Poisson process, whether or not earlier ones are answered. */
async function openLoop(
  { port, agent, random }: SoakOptions,
  load: { questions: Questions; tally: Tally; perSecond: number; endMs: number },
): Promise<void> {
  const { questions, tally, perSecond, endMs } = load;
  const running = new Set<Promise<void>>();
  let dueMs = performance.now();
  for (;;) {
    dueMs += (-Math.log(1 - random()) * 1000) / perSecond;
    if (dueMs > endMs) break;
    if (dueMs > performance.now()) await sleep(dueMs - performance.now());
    // A machine that got slower since would only show how long the generator's own queue becomes.
    if (running.size >= underWayMax) {
      tally.counts.heldBack += 1;
      continue;
    }
    const question = questions.next();
    const options = { port, agent, manner: mannerOf(random()), leaveMs: random() * leaveMsMax };
    const asked = ask(question, options).then((outcome) => {
      tally.add(question.kind, outcome);
      running.delete(asked);
    });
    running.add(asked);
  }
  await Promise.all(running);
}

function mannerOf(fraction: number): Manner {
  let rest = fraction;
  for (const [manner, share] of manners) {
    if (rest < share) return manner;
    rest -= share;
  }
  return 'patient';
}

async function swapImages({ scoring, images }: SoakOptions, endMs: number): Promise<number> {
  let swaps = 0;
  while (performance.now() + swapMs < endMs && scoring.isRunning) {
    await sleep(swapMs);
    swaps += 1;
    await scoring.activate('fashion', images[swaps % images.length] as string);
  }
  return swaps;
}

function summary({ counts }: Tally, scoring: SoakedProcess): string {
  const held = scoring.held();
  const system =
    held === undefined ? '' : `; ${held.residentMiB} MiB, ${held.files} files, ${held.threads} threads`;
  return `${listed(Object.entries(counts))}${system}`;
}

function tallyViolations({ counts, reasons }: Tally): string[] {
  const { lost, wrong, right } = counts;
  if (lost === 0 && wrong === 0 && right > 0) return [];
  return [`${lost} requests lost, ${wrong} wrong answers, ${right} right ones`, ...reasons];
}

function growth(before: Held | undefined, after: Held | undefined): string[] {
  if (before === undefined || after === undefined) {
    say('growth', 'not measured: there is no /proc here');
    return [];
  }
  say(
    'growth',
    `${listed(Object.entries(after).map(([key, value]) => [key, value - before[key as keyof Held]]))}`,
  );
  return (Object.keys(growthMax) as (keyof Held)[])
    .filter((key) => after[key] - before[key] > growthMax[key])
    .map((key) => `${key} grew from ${before[key]} to ${after[key]}, by more than ${growthMax[key]}`);
}

async function endOf(scoring: SoakedProcess): Promise<string[]> {
  if (!scoring.isRunning) return ['the scoring process ended by itself'];
  const code = await scoring.stop();
  return code === 0 ? [] : [`the scoring process ended with exit code ${code}`];
}
