import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AgentMessage } from '../../agent/agent-events.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';
import { addImage } from '../support/test-image.ts';

/** A port that somebody else listens on until the test ends. */
async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

function forkMain(argument: object, environment: Record<string, string> = {}): ChildProcess {
  const entry = repositoryPath('programs', 'agent', 'main.js');
  const child = fork(entry, [JSON.stringify(argument)], {
    execArgv: [],
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

describe('an agent that starts', () => {
  it('serves the last good image with workspace and broker away, and reports when they are back', async () => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1 });
    const first = await world.startAgent();
    world.workspace.desire(1, [image]);
    await world.untilServing(image);
    await first.stop();
    expect(world.workspace.presence.at(-1)?.state).toBe('stopping');
    await world.workspace.stopBroker();
    world.workspace.reported = undefined;
    world.events.length = 0;
    await world.startAgent({ workspaceUrl: 'http://127.0.0.1:9' });
    await world.workspace.until(() => world.events.some(({ type }) => type === 'serving'), 'serving');
    expect((await world.served()).served).toEqual({ fashion: image.image.digest });
    await world.workspace.startBroker();
    await world.untilServing(image);
  });

  it('rebuilds a damaged record of its deployments from what it has, without the network', async () => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1 });
    const first = await world.startAgent();
    world.workspace.desire(1, [image]);
    await world.untilServing(image);
    await first.stop();
    await world.workspace.stopBroker();
    await writeFile(join(world.stateFolder, 'deployments.json'), '{"schemaVersion":1,"deploym');
    world.events.length = 0;
    await world.startAgent();
    await world.workspace.until(() => world.events.some(({ type }) => type === 'serving'), 'serving');
    expect((await world.served()).served).toEqual({ fashion: image.image.digest });
  });

  it('pulls again what went bad on its disk', async () => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1 });
    const first = await world.startAgent();
    world.workspace.desire(1, [image]);
    await world.untilServing(image);
    await first.stop();
    const model = [...world.workspace.blobs].sort(([, left], [, right]) => right.length - left.length)[0];
    const path = join(world.stateFolder, 'oci/blobs/sha256', model?.[0].slice(7) ?? '');
    await writeFile(path, new Uint8Array(model?.[1].length ?? 0));
    await world.behave({ [image.image.digest]: 'blob_digest_mismatch' });
    world.workspace.reported = undefined;
    await world.startAgent();
    const codes = (): string[] =>
      world.events.flatMap((event) => (event.type === 'retrying' ? [event.error.code] : []));
    await world.workspace.until(() => codes().includes('blob_digest_mismatch'), 'noticed');
    await world.behave({});
    await world.untilServing(image);
    expect(Buffer.from(model?.[1] ?? []).equals(await readFile(path))).toBe(true);
  });

  it('counts its connections in its presence', async () => {
    const world = await AgentWorld.start();
    await world.startAgent();
    const { presence } = world.workspace;
    await world.workspace.until(() => presence.length === 1, 'online');
    await world.workspace.stopBroker();
    await world.workspace.startBroker();
    await world.workspace.until(
      () => presence.at(-1)?.state === 'online' && presence.length > 1,
      'online again',
    );
    const [first, last] = [presence[0], presence.at(-1)];
    expect(last?.boot).toBe(first?.boot);
    expect(last?.connection).toBeGreaterThan(first?.connection ?? Number.POSITIVE_INFINITY);
  });

  it.each([
    ['a wrong token', { token: 'wrong' }, 'unauthorized'],
    ['a workspace that does not answer', { workspaceUrl: 'http://127.0.0.1:9' }, 'workspace_unreachable'],
    ['a token in the clear over a network', { workspaceUrl: 'http://192.0.2.1:5080' }, 'insecure_listener'],
    ['no URL', { workspaceUrl: 'nowhere' }, 'usage'],
    ['a name that is none', { device: 'a/b' }, 'invalid_name'],
  ])('does not start the first time with %s', async (_what, options, code) => {
    const world = await AgentWorld.start();
    const agent = world.newAgent(options);
    await expect(agent.start()).rejects.toMatchObject({ code });
    // The folder is free again.
    await world.startAgent();
  });

  it.each([0, 2, 10, 40, 80])(
    'leaves nothing running when it is stopped %i ms into its start',
    async (ms) => {
      const world = await AgentWorld.start();
      const first = world.newAgent();
      const started = Promise.allSettled([first.start()]);
      await new Promise((resolve) => setTimeout(resolve, ms));
      await first.stop();
      const [outcome] = await started;
      if (outcome?.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'cancelled' });
      if (world.events.length > 0) await expect(world.served()).rejects.toThrow();
      // The folder is free again.
      await world.startAgent();
    },
  );

  it('gives up a scoring process that never listens', async () => {
    const world = await AgentWorld.start();
    const entry = join(world.stateFolder, 'silent.mjs');
    await mkdir(world.stateFolder, { recursive: true });
    await writeFile(entry, "process.on('disconnect', () => process.exit(0)); setInterval(() => {}, 1000);");
    const agent = world.newAgent({
      scoringEntry: pathToFileURL(entry),
      limits: { listenTimeoutMs: 200, firstStartTriesMax: 2 },
    });
    await expect(agent.start()).rejects.toMatchObject({ code: 'scoring_crashed' });
  });

  it('hands no token on to the scoring process', async () => {
    vi.stubEnv('SLUICE_DEVICE_TOKEN', 'secret');
    vi.stubEnv('SLUICE_TOKEN', 'secret');
    onTestFinished(() => void vi.unstubAllEnvs());
    const world = await AgentWorld.start();
    await world.startAgent();
    const { environment } = await world.served();
    expect(environment).toContain('PATH');
    expect(environment.filter((name) => /^SLUICE_.*TOKEN/.test(name))).toEqual([]);
  });

  it('removes what a power cut left of a write', async () => {
    const world = await AgentWorld.start();
    const left = join(world.stateFolder, 'identity.json.00000000-0000-4000-8000-000000000000.tmp');
    await mkdir(world.stateFolder, { recursive: true });
    await writeFile(left, '{"token":');
    await world.startAgent();
    await expect(readFile(left)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says so when nobody tells where the workspace is', async () => {
    const child = forkMain({ stateFolder: temporaryFolder(), device: 'd1', npu: null, port: 0 });
    const [message] = (await once(child, 'message')) as [AgentMessage];
    expect(message).toMatchObject({ type: 'start-failed', error: { code: 'workspace_unreachable' } });
    expect(await once(child, 'exit')).toEqual([1, null]);
  });

  it('names the port that is in use', async () => {
    const world = await AgentWorld.start();
    const port = await takenPort();
    const started = world.newAgent({ port }).start();
    await expect(started).rejects.toMatchObject({ code: 'port_in_use' });
    await expect(started).rejects.toThrow(String(port));
  });

  it('keeps a second agent off its state, until it is gone, however it went', async () => {
    const world = await AgentWorld.start();
    const { stateFolder, workspace } = world;
    const { device, url: workspaceUrl, token } = workspace;
    const argument = { stateFolder, device, workspaceUrl, npu: null, port: 0, logLevel: 'silent' };
    const child = forkMain(argument, { SLUICE_DEVICE_TOKEN: token });
    await world.workspace.until(() => world.workspace.presence.length > 0, 'online');
    await expect(world.newAgent().start()).rejects.toMatchObject({ code: 'state_invalid' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await world.workspace.until(() => world.workspace.presence.length > 1, 'lost');
    const [online, lost] = world.workspace.presence;
    expect(lost).toEqual({ ...online, state: 'lost' });
    await world.startAgent();
  });

  it('stops cleanly on SIGTERM and when its parent leaves', async () => {
    for (const end of [
      (child: ChildProcess) => child.kill('SIGTERM'),
      (child: ChildProcess) => child.disconnect(),
    ]) {
      const world = await AgentWorld.start();
      const { stateFolder, workspace } = world;
      const argument = {
        stateFolder,
        device: workspace.device,
        workspaceUrl: workspace.url,
        token: workspace.token,
        npu: null,
        port: 0,
        logLevel: 'silent',
      };
      const child = forkMain(argument);
      await workspace.until(() => workspace.presence.length > 0, 'online');
      end(child);
      expect(await once(child, 'exit')).toEqual([0, null]);
      expect(workspace.presence.at(-1)?.state).toBe('stopping');
    }
  });
});
