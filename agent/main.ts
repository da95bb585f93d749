import '../ort/disable-telemetry.ts';
import Type from '#typebox';
import { logLevels } from '../base/log-levels.ts';
import { createLogger } from '../base/logger.ts';
import { parserOf } from '../base/validate.ts';
import { toSluiceError } from '../contract/errors.ts';
import { Agent } from './agent.ts';
import type { AgentMessage } from './agent-events.ts';
import { EndpointSettings } from './scoring/endpoint-settings.ts';
import { ListenerSettings } from './scoring/listener-settings.ts';
import { ProcessCount } from './scoring/start-options.ts';
import { NpuSelection } from './supervise/npu-selection.ts';

/** The one argument of this process: AgentOptions as JSON. */
const AgentArgument = Type.Object(
  {
    stateFolder: Type.String({ minLength: 1 }),
    device: Type.String(),
    workspaceUrl: Type.Optional(Type.String()),
    token: Type.Optional(Type.String()),
    caFile: Type.Optional(Type.String()),
    host: Type.Optional(Type.String({ minLength: 1 })),
    port: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 65_535 }), Type.Null()])),
    listeners: Type.Optional(ListenerSettings),
    processes: Type.Optional(ProcessCount),
    npu: Type.Union([NpuSelection, Type.Null()]),
    endpoint: Type.Optional(EndpointSettings),
    collectionBytesMax: Type.Optional(Type.Integer({ minimum: 0 })),
    logLevel: Type.Optional(Type.Enum([...logLevels])),
  },
  { additionalProperties: false },
);
const argumentParser = parserOf(AgentArgument, { what: 'agent options', code: 'usage' });

/** A parent that leaves in between is noticed by `disconnect`. */
function tellParent(message: AgentMessage, sent: () => void = () => undefined): void {
  if (process.connected && process.send) process.send(message, undefined, undefined, sent);
  else sent();
}

async function run(): Promise<void> {
  // The token stands in the environment rather than in the argument, where every user could read it.
  const { logLevel, ...parsed } = argumentParser.parseJson(process.argv[2] ?? '{}');
  const token = parsed.token ?? process.env.SLUICE_DEVICE_TOKEN;
  const agent = new Agent({
    ...parsed,
    ...(token === undefined ? {} : { token }),
    logger: createLogger({ name: 'agent', level: logLevel ?? 'info' }),
    onEvent: (event) => tellParent(event),
  });
  const stop = (): void => {
    void agent.stop().then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('disconnect', stop);
  await agent.start();
}

run().catch((thrown: unknown) => {
  const error = toSluiceError(thrown);
  // A parent that listens says it itself.
  if (!process.connected) process.stderr.write(`${error.code}: ${error.message}\n`);
  tellParent({ type: 'start-failed', error: error.toJSON() }, () => process.exit(1));
});
