/** npm passes on the Ctrl-C that the terminal has already sent to everybody; that is one wish, not two. */
const echoMs = 500;

/**
 * Resolves when the process is asked to stop (Ctrl-C, SIGTERM, or a parent that went away).
 * A second Ctrl-C ends the process at once, for people in a hurry.
 */
export function stopRequested(): Promise<NodeJS.Signals | 'disconnect'> {
  return new Promise((resolve) => {
    let askedAtMs: number | undefined;
    const ask = (signal: NodeJS.Signals | 'disconnect') => {
      if (askedAtMs !== undefined && performance.now() - askedAtMs > echoMs) process.exit(130);
      askedAtMs ??= performance.now();
      resolve(signal);
    };
    process.on('SIGINT', () => ask('SIGINT'));
    process.on('SIGTERM', () => ask('SIGTERM'));
    process.once('disconnect', () => ask('disconnect'));
  });
}
