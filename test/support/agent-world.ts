import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Agent, type AgentEvent, type AgentOptions } from '../../agent/agent.ts';
import type { CollectionStart, EndpointsWanted } from '../../agent/supervise/control-protocol.ts';
import { createLogger } from '../../base/logger.ts';
import type { DesiredDeployment, ReportedDeployment } from '../../contract/messages.ts';
import { temporaryFolder } from './paths.ts';
import { TestWorkspace } from './test-workspace.ts';

/** Limits that let the tests of retries and trials end in a second. */
const quickLimits = {
  chunkTimeoutFirstMs: 100,
  chunkTimeoutMinMs: 50,
  chunkScanMs: 10,
  retryBaseMs: 50,
  trialMs: 150,
  activateTimeoutMs: 10_000,
  restartBaseMs: 20,
  connectBaseMs: 20,
  connectCapMs: 100,
  reportIntervalMs: 20,
  scoringStopMs: 1_000,
  linkStopMs: 10_000,
};

/** A test workspace and one device's state folder, gone when the test ends. */
export class AgentWorld {
  readonly workspace = new TestWorkspace();
  readonly stateFolder = temporaryFolder();
  readonly events: AgentEvent[] = [];
  readonly #agents: Agent[] = [];
  #port = 0;

  static async start(): Promise<AgentWorld> {
    const world = new AgentWorld();
    await world.workspace.start();
    onTestFinished(() => world.workspace.stop());
    return world;
  }

  /** An agent on the state folder, not started; it is stopped when the test ends. */
  newAgent(options: Partial<AgentOptions> = {}): Agent {
    const agent = new Agent({
      stateFolder: this.stateFolder,
      device: this.workspace.device,
      workspaceUrl: this.workspace.url,
      token: this.workspace.token,
      port: 0,
      npu: null,
      logger: createLogger({ name: 'agent', level: process.env.SLUICE_TEST_LOG ?? 'silent' }),
      scoringEntry: new URL('./scoring-child.js', import.meta.url),
      onEvent: (event) => this.#onEvent(event),
      ...options,
      limits: { ...quickLimits, ...options.limits },
    });
    this.#agents.push(agent);
    onTestFinished(() => agent.stop());
    return agent;
  }

  async startAgent(options: Partial<AgentOptions> = {}): Promise<Agent> {
    const agent = this.newAgent(options);
    await agent.start();
    return agent;
  }

  /** Stops every agent, so that another may use the state folder. */
  async stopAgents(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop()));
  }

  /** What the scoring process serves at this moment. */
  async served(): Promise<{
    pid: number;
    served: Record<string, string>;
    configured?: EndpointsWanted;
    collection?: CollectionStart;
    environment: string[];
  }> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/`);
    return (await response.json()) as Awaited<ReturnType<AgentWorld['served']>>;
  }

  /** How the scoring process treats images, by digest. */
  async behave(behaviour: Record<string, string>): Promise<void> {
    await writeFile(join(this.stateFolder, 'behaviour.json'), JSON.stringify(behaviour));
  }

  /** The reported state of a deployment. */
  reported(name: string): ReportedDeployment | undefined {
    return this.workspace.reported?.deployments[name];
  }

  /** Resolves when the workspace has heard that this image serves, or has outlived its trial. */
  async untilServing({ name, image }: DesiredDeployment, options = { committed: false }): Promise<void> {
    await this.workspace.until(() => {
      const reported = this.reported(name);
      const isServing = reported?.phase === 'serving' && reported.active === image.digest;
      return isServing && (!options.committed || reported.lastGood === image.digest);
    }, `${name} serves ${image.digest}`);
  }

  #onEvent(event: AgentEvent): void {
    this.events.push(event);
    if (event.type === 'listening') this.#port = event.port ?? 0;
  }
}
