/**
 * Resolves when the process is asked to stop (Ctrl-C, SIGTERM, or a parent that went away).
 * A second Ctrl-C ends the process at once, for people in a hurry.
 */
export function stopRequested(): Promise<NodeJS.Signals | 'disconnect'> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (signal: NodeJS.Signals | 'disconnect') => {
      if (asked) process.exit(130);
      asked = true;
      resolve(signal);
    };
    process.on('SIGINT', () => ask('SIGINT'));
    process.on('SIGTERM', () => ask('SIGTERM'));
    process.once('disconnect', () => ask('disconnect'));
  });
}
