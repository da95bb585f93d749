import { backoffMs } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { toSluiceError } from '../../contract/errors.ts';
import type { DesiredDocument, ReportedDocument } from '../../contract/messages.ts';
import type { AgentLimits } from '../agent-limits.ts';
import type { Clock } from '../clock.ts';
import { toReportedError } from '../supervise/deployment-entry.ts';
import { isTransient } from '../supervise/trial.ts';
import type { DesiredState } from './desired.ts';

/** What an intake works with. */
export interface DesiredIntakeOptions {
  desired: DesiredState;
  clock: Clock;
  limits: AgentLimits;
  logger: Logger;
  /** A document replaced the current one. */
  onAccepted: (document: DesiredDocument) => void;
  /** What is to be reported changed. */
  onChange: () => void;
}

/** Takes documents from the link one after the other; of those that come meanwhile the newest waits. */
export class DesiredIntake {
  readonly #options: DesiredIntakeOptions;
  #refused: ReportedDocument['refused'] = null;
  #incoming: Uint8Array | undefined;
  #isAccepting = false;
  #isStopped = false;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: DesiredIntakeOptions) {
    this.#options = options;
  }

  /** Why the newest document was refused; null when it was not. */
  get refused(): ReportedDocument['refused'] {
    return this.#refused;
  }

  /** A payload of `dn/desired`. */
  take(envelope: Uint8Array): void {
    clearTimeout(this.#retry);
    this.#incoming = envelope;
    if (this.#isAccepting) return;
    this.#isAccepting = true;
    void this.#acceptAll().finally(() => {
      this.#isAccepting = false;
    });
  }

  /** Takes nothing any more. Idempotent. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  async #acceptAll(): Promise<void> {
    while (this.#incoming !== undefined && !this.#isStopped) {
      const envelope = this.#incoming;
      this.#incoming = undefined;
      await this.#accept(envelope);
      this.#options.onChange();
    }
  }

  async #accept(envelope: Uint8Array): Promise<void> {
    const { desired, clock, logger, onAccepted } = this.#options;
    try {
      const isNew = await desired.accept(envelope);
      this.#refused = null;
      this.#failures = 0;
      if (isNew && desired.current !== undefined) onAccepted(desired.current);
    } catch (thrown) {
      const error = toSluiceError(thrown);
      logger.warn({ code: error.code }, error.message);
      this.#refused = toReportedError(error, clock.now());
      if (isTransient(error.code)) this.#takeLater(envelope);
    }
  }

  /** A full disk is not the document's fault, and the broker does not send it again on this connection. */
  #takeLater(envelope: Uint8Array): void {
    if (this.#isStopped || this.#incoming !== undefined) return;
    const { retryBaseMs: baseMs, retryCapMs: capMs } = this.#options.limits;
    this.#failures += 1;
    const delayMs = backoffMs({ failures: this.#failures, baseMs, capMs });
    this.#retry = setTimeout(() => this.take(envelope), delayMs);
  }
}
