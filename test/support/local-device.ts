import { onTestFinished } from 'vitest';
import { Agent, type AgentOptions } from '../../agent/agent.ts';
import type { AgentEvent } from '../../agent/agent-events.ts';
import { temporaryFolder } from './paths.ts';
import { silentLogger } from './workspace-fixture.ts';

const waitMs = 20_000;

/** An agent with its scoring process that stops when the test ends, and what it has told so far. */
export class LocalDevice {
  readonly events: AgentEvent[] = [];
  readonly #agent: Agent;
  #waiters: (() => void)[] = [];

  private constructor(options: AgentOptions) {
    this.#agent = new Agent({
      ...options,
      onEvent: (event) => {
        this.events.push(event);
        for (const waiter of this.#waiters.splice(0)) waiter();
      },
    });
  }

  /** Starts an agent on any free port. */
  static async start(options: Partial<AgentOptions> & { device: string }): Promise<LocalDevice> {
    const device = new LocalDevice({
      stateFolder: temporaryFolder(),
      port: 0,
      npu: { kind: 'simulator', configuration: 'kv260-m' },
      logger: silentLogger,
      ...options,
    });
    onTestFinished(() => device.stop());
    await device.#agent.start();
    return device;
  }

  stop(): Promise<void> {
    return this.#agent.stop();
  }

  /** Address of the scoring endpoint. */
  async url(): Promise<string> {
    const event = await this.next('listening');
    return `http://127.0.0.1:${event.port}`;
  }

  /** The first event of a type that fits, past or to come. */
  async next<Type extends AgentEvent['type']>(
    type: Type,
    fits: (event: Extract<AgentEvent, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<AgentEvent, { type: Type }>> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const found = this.events.find(
        (event): event is Extract<AgentEvent, { type: Type }> =>
          event.type === type && fits(event as Extract<AgentEvent, { type: Type }>),
      );
      if (found !== undefined) return found;
      await this.#change(deadline - performance.now(), type);
    }
  }

  #change(leftMs: number, awaited: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const seen = this.events.map(({ type }) => type).join(', ');
      const timer = setTimeout(() => reject(new Error(`no event ${awaited}; seen: ${seen}`)), leftMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
