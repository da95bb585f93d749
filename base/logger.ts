import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on standard error, so that standard output stays for results. */
export function createLogger(options: { name: string; level: string }): Logger {
  return pino({ name: options.name, level: options.level }, pino.destination({ fd: 2, sync: true }));
}
