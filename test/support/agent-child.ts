import { Agent } from '../../agent/agent.ts';
import { createLogger } from '../../base/logger.ts';

/** An agent in a process of its own, for tests that kill it; its scoring process is `scoring-child.ts`. */
const { stateFolder, device, workspaceUrl, token } = JSON.parse(process.argv[2] ?? '{}') as {
  stateFolder: string;
  device: string;
  workspaceUrl: string;
  token: string;
};
const agent = new Agent({
  stateFolder,
  device,
  workspaceUrl,
  token,
  port: 0,
  npu: null,
  logger: createLogger({ name: 'agent', level: 'silent' }),
  scoringEntry: new URL('./scoring-child.js', import.meta.url),
  onEvent: (event) => process.send?.(event),
  // Small steps, so that a kill falls between any two of them.
  limits: { journalSyncBytes: 1 << 17, connectBaseMs: 10, retryBaseMs: 20, trialMs: 50 },
});
await agent.start();
