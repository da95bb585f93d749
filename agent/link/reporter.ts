import type { Logger } from '../../base/logger.ts';
import type { ReportedDocument } from '../../contract/messages.ts';

/** What a reporter works with. */
export interface ReporterOptions {
  intervalMs: number;
  logger: Logger;
  build: () => Promise<ReportedDocument>;
  publish: (document: ReportedDocument) => Promise<void>;
}

/**
 * Sends the newest reported document, one at a time and at most every `intervalMs`. A change during a
 * publication or an outage is one more publication afterwards, however many changes there were.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  #isDirty = true;
  #isPaused = true;
  #isBusy = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Something to report changed. */
  request(): void {
    this.#isDirty = true;
    this.#schedule(0);
  }

  /** The link is there: the state goes out, whatever was sent before. */
  resume(): void {
    this.#isPaused = false;
    this.request();
  }

  /** The link is gone. */
  pause(): void {
    this.#isPaused = true;
  }

  /** No further publication. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#isPaused || this.#isBusy || this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, delayMs);
  }

  async #send(): Promise<void> {
    if (this.#isPaused || this.#isStopped) return;
    this.#isBusy = true;
    this.#isDirty = false;
    try {
      await this.#options.publish(await this.#options.build());
    } catch (thrown) {
      // The next connection or change sends it; trying again at once would repeat the failure.
      this.#options.logger.warn({ reason: String(thrown) }, 'the state was not reported');
    }
    this.#isBusy = false;
    if (this.#isStopped) return;
    // The pause between two publications: what changes meanwhile waits for its end.
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isDirty) this.#schedule(0);
    }, this.#options.intervalMs);
  }
}
