import type { Command } from 'commander';

type AddCommand = (program: Command) => void;

/** Every command of the root, in the order of the help, and what adds it. */
export const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  up: async () => (await import('./commands/up.ts')).addUpCommand,
  workspace: async () => (await import('./commands/workspace.ts')).addWorkspaceCommands,
  agent: async () => (await import('./commands/agent.ts')).addAgentCommands,
  device: async () => (await import('./commands/device.ts')).addDeviceCommands,
  model: async () => (await import('./commands/model.ts')).addModelCommands,
  compile: async () => (await import('./commands/compile.ts')).addCompileCommand,
  explore: async () => (await import('./commands/explore.ts')).addExploreCommand,
  image: async () => (await import('./commands/image.ts')).addImageCommands,
  deploy: async () => (await import('./commands/deploy.ts')).addDeployCommands,
  endpoint: async () => (await import('./commands/endpoint.ts')).addEndpointCommands,
  score: async () => (await import('./commands/score.ts')).addScoreCommand,
};

/**
 * Adds the command that the arguments name, or all of them where they name none: modules take long to load on a small
 * device, and each command needs few of them.
 */
export async function addCommands(program: Command, args: readonly string[]): Promise<void> {
  const [name] = program.parseOptions([...args]).operands;
  const isKnown = name !== undefined && Object.hasOwn(commands, name);
  const wanted = isKnown ? [commands[name]] : Object.values(commands);
  const adds = await Promise.all(wanted.map((load) => load?.()));
  for (const add of adds) add?.(program);
}
