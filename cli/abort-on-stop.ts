import { stopRequested } from './stop-signal.ts';

/** A signal that aborts when the process is asked to stop. */
export function abortOnStop(): AbortSignal {
  const controller = new AbortController();
  // Without a listener a channel to the parent would keep the process from ending by itself.
  void stopRequested().then(() => controller.abort());
  process.channel?.unref();
  return controller.signal;
}
