/**
 * glibc raises the size from which on it maps blocks on their own, up to 32 MiB, when such a block is freed; the
 * weights of the next model then come from an arena and stay with the process when the model is retired. Named
 * at all, the threshold stays where it is. Other C libraries do not read it. docs/decisions/0017.
 */
const allocatorSettings = { MALLOC_MMAP_THRESHOLD_: '131072' } as const;

/** The environment of a scoring process: it runs other people's scripts, and needs no token. What is set already stays. */
export function scoringEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !/^SLUICE_.*TOKEN$/.test(name));
  return { ...allocatorSettings, ...Object.fromEntries(kept) };
}

/**
 * Options of Node for a scoring process. V8's young generation, 16 MiB for each half and thread unless it is told
 * otherwise, stays with an idle process; tensors are outside of it, so that a small one is collected as quickly.
 */
export const scoringNodeOptions: readonly string[] = ['--max-semi-space-size=2'];
