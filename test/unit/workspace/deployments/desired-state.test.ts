import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../../base/logger.ts';
import { DesiredState, type DesiredStateOptions } from '../../../../workspace/deployments/desired-state.ts';
import type { BrokerLink } from '../../../../workspace/mqtt/broker-link.ts';

function desiredState(onPublish: (topic: string) => void): DesiredState {
  const link: Pick<BrokerLink, 'publish'> = {
    publish: async (topic) => onPublish(topic),
  };
  const desired = {
    find: (device: string) => ({
      device,
      generation: 0,
      issuedAt: '2026-01-01T00:00:00Z',
      deployments: [],
      endpoints: [],
    }),
  };
  const state = new DesiredState({
    workspace: 'local',
    epoch: 'e1',
    key: generateKeyPairSync('ed25519').privateKey,
    link,
    desired,
    clock: () => new Date(0),
    logger: createLogger({ name: 'test', level: 'silent' }),
  } as unknown as DesiredStateOptions);
  state.start();
  return state;
}

describe('the desired state', () => {
  it.each(Array.from({ length: 12 }, (_, turns) => [turns]))(
    'publishes a device that was announced %i microtasks after the last publication',
    async (turns) => {
      const published: string[] = [];
      const state = desiredState((topic) => {
        published.push(topic.split('/')[4] ?? '');
        if (published.length > 1) return;
        let later = Promise.resolve();
        for (let turn = 0; turn < turns; turn += 1) later = later.then(() => undefined);
        void later.then(() => state.announce(['two']));
      });
      state.announce(['one']);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(published).toEqual(['one', 'two']);
      await state.stop();
    },
  );
});
