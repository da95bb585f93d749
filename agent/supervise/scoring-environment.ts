import { availableParallelism } from 'node:os';

/**
 * glibc raises the size from which on it maps blocks on their own, up to 32 MiB, when such a block is freed, and with
 * it what it keeps free at the end of a heap. Named, both stay where they are: what requests take up to 4 MiB is used
 * again, and larger blocks go back at once. Weights are allocated otherwise (native/ort/weight_memory.hpp). Other C
 * libraries do not read it. docs/decisions/0017.
 */
const allocatorSettings = { MALLOC_MMAP_THRESHOLD_: '4194304', MALLOC_TRIM_THRESHOLD_: '8388608' } as const;

/** The environment of a scoring process: it runs other people's scripts, and needs no token. What is set already stays. */
export function scoringEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !/^SLUICE_.*TOKEN$/.test(name));
  return { ...allocatorSettings, ...Object.fromEntries(kept) };
}

/**
 * Options of Node for a scoring process. V8's young generation, 16 MiB for each half and thread unless it is told
 * otherwise, stays with an idle process; tensors are outside of it, so that a small one is collected as quickly. Of
 * threads that help collecting there are four unless it is told otherwise, also where there are two processors: they
 * then take the time of a request twice over to find that there is nothing left to do.
 */
export const scoringNodeOptions: readonly string[] = [
  '--max-semi-space-size=2',
  `--v8-pool-size=${Math.max(1, Math.min(4, availableParallelism() - 1))}`,
];
