import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';

/** The parameters of the kernel's top, in order; pointers are those that lie in a board's memory. */
function kernelParameters(): { name: string; pointer: boolean }[] {
  const header = readFileSync(repositoryPath('hls/npu/top.hpp'), 'utf8');
  const list = /void sluice_npu\(([^)]*)\)/.exec(header)?.[1] ?? '';
  return list.split(/,(?![^<]*>)/).map((parameter) => ({
    name: /(\w+)\s*$/.exec(parameter)?.[1] ?? '',
    pointer: parameter.includes('*'),
  }));
}

interface Build {
  commands: string[][];
  link: string;
}

/** What build.sh does with a `v++` that writes down its arguments. */
function build(board: string, configuration: string): Build {
  const folder = temporaryFolder();
  const tools = join(folder, 'bin');
  mkdirSync(tools);
  const log = join(folder, 'commands');
  writeFileSync(join(tools, 'v++'), `#!/bin/sh\nprintf '%s\\n' "$@" ';' >>'${log}'\n`);
  chmodSync(join(tools, 'v++'), 0o755);
  const output = join(folder, 'output');
  const script = repositoryPath('hls/vitis/build.sh');
  execFileSync(script, [board, configuration, 'some-platform', output], {
    env: { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH ?? ''}` },
  });
  const commands = readFileSync(log, 'utf8').split('\n;\n').slice(0, -1);
  return {
    commands: commands.map((command) => command.split('\n')),
    link: readFileSync(join(output, 'link.cfg'), 'utf8'),
  };
}

describe('hls/vitis/build.sh', () => {
  it.each([
    ['u50', 'u50', 'U50'],
    ['kv260', 'kv260-m', 'Kv260M'],
  ])('compiles and links for %s', (board, configuration, structure) => {
    const { clockMhz, hash } = hardwareConfigurations[configuration] ?? { clockMhz: 0, hash: '' };
    const { commands, link } = build(board, configuration);
    expect(commands).toHaveLength(2);
    expect(commands[0]).toContain(`SLUICE_CONFIGURATION=${structure}`);
    expect(commands[0]).toContain(`${clockMhz}000000:sluice_npu`);
    expect(commands[1]).toContain(`${configuration}.xclbin`);
    const unit = `npu_${hash.slice(0, 16)}`;
    expect(link).toContain(`nk=sluice_npu:1:${unit}\n`);
    expect(link).not.toContain('@');
    const placed = [...link.matchAll(/^sp=(\w+)\.(\w+):/gm)].map((match) => [match[1], match[2]]);
    const pointers = kernelParameters().filter(({ pointer }) => pointer);
    expect(placed.sort()).toEqual(pointers.map(({ name }) => [unit, name]).sort());
  });

  it.each([
    [['u50', 'u50', 'platform'], /^usage: /],
    [['nonsense', 'u50', 'platform', '/nonexistent'], /no file .*\/nonsense\.cfg/],
    [['u50', 'nonsense', 'platform', '/nonexistent'], /no file .*\/nonsense\.hpp/],
  ])('refuses %j', (parameters, reason) => {
    const { status, stderr } = spawnSync(repositoryPath('hls/vitis/build.sh'), parameters);
    expect([status, stderr.toString()]).toEqual([2, expect.stringMatching(reason)]);
  });
});

describe('the order of the kernel arguments', () => {
  it('is the same in the kernel, in the XRT device and in the image of the tests', () => {
    const names = kernelParameters().map(({ name }) => name);
    expect(names).toHaveLength(11);
    const device = readFileSync(repositoryPath('native/devices/xrt/kernel_arguments.hpp'), 'utf8');
    const enumeration = /enum KernelArgument : int \{([^}]*)\}/.exec(device)?.[1] ?? '';
    const camel = (name: string) =>
      `k${name.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())}`;
    expect(enumeration.match(/\w+/g)).toEqual(names.map(camel));
    const file = join(temporaryFolder(), 'image.xclbin');
    execFileSync(process.execPath, [repositoryPath('scripts/make-xclbin.mjs'), file, 'npu_0']);
    const image = readFileSync(file, 'latin1');
    expect([...image.matchAll(/<arg name="(\w+)"/g)].map((match) => match[1])).toEqual(names);
  });
});
