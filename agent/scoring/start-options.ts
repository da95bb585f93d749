import Type from '#typebox';
import { logLevels } from '../../base/log-levels.ts';
import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { DataCollection, DesiredEndpoint, DesiredVersion } from '../../contract/messages.ts';
import { Digest, Name } from '../../contract/names.ts';
import type { ScoringStart } from '../supervise/control-protocol.ts';
import { NpuSelection } from '../supervise/npu-selection.ts';
import { EndpointSettings } from './endpoint-settings.ts';
import { ListenerSettings } from './listener-settings.ts';

/** How many processes score. */
export const ProcessCount = Type.Integer({ minimum: 1, maximum: limits.scoringProcessesMax });

const scoringStart = Type.Object({
  host: Type.String({ minLength: 1 }),
  port: Type.Union([Type.Integer({ minimum: 0, maximum: 65_535 }), Type.Null()]),
  listeners: Type.Optional(ListenerSettings),
  processes: Type.Optional(ProcessCount),
  blobRoot: Type.String({ minLength: 1 }),
  npu: Type.Union([NpuSelection, Type.Null()]),
  endpoint: Type.Optional(EndpointSettings),
  collection: Type.Optional(
    Type.Object({
      folder: Type.String({ minLength: 1 }),
      device: Name,
      bytesMax: Type.Integer({ minimum: 1 }),
    }),
  ),
  logLevel: Type.Union(logLevels.map((level) => Type.Literal(level))),
});

const requestId = Type.Integer({ minimum: 0 });

const controlMessage = Type.Union([
  Type.Object({ type: Type.Literal('activate'), requestId, deployment: Name, image: Digest }),
  Type.Object({ type: Type.Literal('remove'), requestId, deployment: Name }),
  Type.Object({
    type: Type.Literal('configure'),
    version: DesiredVersion,
    endpoints: Type.Array(DesiredEndpoint),
    deployments: Type.Array(Name),
    collect: Type.Optional(Type.Record(Name, DataCollection)),
  }),
  Type.Object({ type: Type.Literal('stop') }),
]);

/** Reads the JSON argument of the scoring process (`ScoringStart`). Throws `usage`. */
export const scoringStartParser = parserOf(scoringStart, { what: 'scoring process argument', code: 'usage' });

/**
 * What the fields of a start must be to each other. Throws `usage`.
 */
export function checkStart({ port, listeners, endpoint, processes = 1, npu }: ScoringStart): void {
  const hasTcp = port !== null || typeof endpoint?.grpcPort === 'number';
  if (!hasTcp && listeners?.socket === undefined) {
    throw new SluiceError(
      'usage',
      '--port none: there is no --socket and no --grpc-port either, so nobody could call the endpoint',
    );
  }
  if (!hasTcp && listeners?.tls !== undefined) {
    throw new SluiceError('usage', '--tls-certificate: TLS is for TCP, and --port is none');
  }
  if (processes > 1 && npu?.kind === 'xrt') {
    throw new SluiceError(
      'usage',
      `--processes ${processes}: a board is opened by one process; leave --processes or --xclbin out`,
    );
  }
}

/** Reads a message of the control process (`ControlMessage`). Throws `invalid_request`. */
export const controlMessageParser = parserOf(controlMessage, {
  what: 'control message',
  code: 'invalid_request',
});
