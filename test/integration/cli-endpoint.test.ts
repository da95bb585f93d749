import { execFile } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { ChangedEndpoint, Deployment, EndpointKeys, RotatedKey } from '../../contract/workspace-api.ts';
import { repositoryPath } from '../support/paths.ts';
import { type RunningWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

const entry = repositoryPath('programs', 'cli', 'main.js');

function sluice(
  workspace: RunningWorkspace,
  parameters: string[],
): Promise<{ status: number; stdout: string; stderr: string }> {
  const env = { ...process.env, SLUICE_TOKEN: workspace.adminToken };
  const all = [entry, ...parameters, '--workspace', workspace.addresses.apiUrl];
  return new Promise((resolve) => {
    execFile(process.execPath, all, { env }, (error, stdout, stderr) =>
      resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

describe('sluice endpoint', () => {
  it('makes, changes and shows an endpoint, and shows keys once', async () => {
    const workspace = await startWorkspace();
    await workspace.buildFashion();
    await workspace.addDevice('one');
    const json = async <Value>(...parameters: string[]): Promise<Value> => {
      const { status, stdout, stderr } = await sluice(workspace, ['--json', ...parameters]);
      if (status !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as Value;
    };
    const made = await json<ChangedEndpoint>('endpoint', 'create', 'shop', '--auth', 'key');
    expect(made.keys?.primary).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const deploy = (...parameters: string[]) =>
      json<Deployment>('deploy', 'create', 'blue', '--image', 'fashion:1', '--device', 'one', ...parameters);
    const collect = { collections: ['request', 'response'], samplingRate: 0.1 };
    const options = ['--endpoint', 'shop', '--collect', 'request,response', '--sampling', '0.1'];
    expect((await deploy(...options)).collect).toEqual(collect);
    expect((await deploy('--collect', 'none')).collect).toBeNull();
    await expect(deploy('--sampling', '0.1')).rejects.toThrow('"usage"');
    await workspace.expect('PUT', '/deployments/green', { image: 'fashion:1', devices: ['one'] });
    const set = (...parameters: string[]) => json<ChangedEndpoint>('endpoint', 'set', 'shop', ...parameters);
    await workspace.expect('PUT', '/endpoints/shop', { traffic: { blue: 100, green: 0 } });
    // What is not given stays, and green goes over from one kind of share to the other.
    const mirrored = { traffic: { blue: 100 }, mirror: { green: 10 }, auth: 'key' };
    expect(await set('--mirror', 'green=10')).toMatchObject({ endpoint: mirrored, keys: null });
    const split = { traffic: { blue: 90, green: 10 }, mirror: {}, auth: 'none' };
    expect((await set('--traffic', 'blue=90,green=10', '--auth', 'none')).endpoint).toMatchObject(split);
    await workspace.expect('PUT', '/endpoints/shop', { traffic: {}, auth: 'key' });

    const rotated = await json<RotatedKey>('endpoint', 'rotate-key', 'shop', 'secondary');
    const keys = await json<EndpointKeys>('endpoint', 'keys', 'shop');
    expect(keys).toEqual({ primary: expect.any(String), secondary: rotated.createdAt });
    const shown = await sluice(workspace, ['endpoint', 'show', 'shop']);
    expect(shown.stdout).toMatch(/shop +key +blue=0,green=0 +- +one/);
    expect(shown.stdout).toMatch(/one +not yet/);
    const wrong = await sluice(workspace, ['endpoint', 'create', 'other', '--traffic', 'blue=50,blue=50']);
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('[usage]')]);
  });
});
