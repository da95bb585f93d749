import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../agent/agent-events.ts';
import { digestOf } from '../../base/digest.ts';
import { limits } from '../../contract/limits.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { seededFractions } from '../support/fractions.ts';
import { addImage } from '../support/test-image.ts';

describe('an agent that is killed', () => {
  it('serves the last good image at each start and completes the next one, wherever it is killed', async () => {
    const world = await AgentWorld.start();
    const good = addImage(world.workspace, 'fashion', { version: 1 });
    const next = addImage(world.workspace, 'fashion', {
      version: 2,
      modelBytes: 300 * limits.chunkBytes + 5,
    });
    const first = await world.startAgent();
    world.workspace.desire(1, [good]);
    await world.untilServing(good, { committed: true });
    await first.stop();
    world.workspace.desire(2, [next]);

    const random = seededFractions(17);
    // Each life gets some chunks further, so that kills fall into the pull and not only before it.
    let chunksLeft = 0;
    world.workspace.fault = () => {
      chunksLeft -= 1;
      return chunksLeft < 0 ? 'drop' : undefined;
    };
    const { stateFolder, workspace } = world;
    const { device, url: workspaceUrl, token } = workspace;
    const entry = new URL('../support/agent-child.js', import.meta.url);
    for (let life = 0; life < 8; life += 1) {
      chunksLeft = Math.floor(random() * 60);
      const argument = JSON.stringify({ stateFolder, device, workspaceUrl, token });
      const child = fork(entry, [argument], { execArgv: [], stdio: 'ignore' });
      const events: AgentEvent[] = [];
      child.on('message', (event) => events.push(event as AgentEvent));
      await workspace.until(() => events.some(({ type }) => type === 'serving'), 'serving');
      expect(events.find(({ type }) => type === 'serving')).toMatchObject({ image: good.image.digest });
      await pause(random() * 150);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }

    world.workspace.fault = () => undefined;
    world.events.length = 0;
    const last = await world.startAgent();
    await world.untilServing(next);
    // A running agent removes what it no longer needs.
    await last.stop();
    const folder = join(stateFolder, 'oci/blobs/sha256');
    for (const hex of await readdir(folder)) {
      expect(digestOf(await readFile(join(folder, hex)))).toBe(`sha256:${hex}`);
    }
  });
});
