import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

/** Levels that `--log-level` takes. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;

/** JSON lines on standard error, so that standard output stays for results. */
export function createLogger(options: { name: string; level: string }): Logger {
  return pino({ name: options.name, level: options.level }, pino.destination({ fd: 2, sync: true }));
}
