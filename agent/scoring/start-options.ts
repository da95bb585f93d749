import Type from 'typebox';
import { logLevels } from '../../base/logger.ts';
import { parserOf } from '../../base/validate.ts';
import { DesiredEndpoint, DesiredVersion } from '../../contract/messages.ts';
import { Digest, Name } from '../../contract/names.ts';
import { NpuSelection } from '../supervise/npu-selection.ts';
import { EndpointSettings } from './endpoint-settings.ts';

const scoringStart = Type.Object({
  host: Type.String({ minLength: 1 }),
  port: Type.Integer({ minimum: 0, maximum: 65_535 }),
  blobRoot: Type.String({ minLength: 1 }),
  npu: Type.Union([NpuSelection, Type.Null()]),
  endpoint: Type.Optional(EndpointSettings),
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
  }),
  Type.Object({ type: Type.Literal('stop') }),
]);

/** Reads the JSON argument of the scoring process (`ScoringStart`). Throws `usage`. */
export const scoringStartParser = parserOf(scoringStart, { what: 'scoring process argument', code: 'usage' });

/** Reads a message of the control process (`ControlMessage`). Throws `invalid_request`. */
export const controlMessageParser = parserOf(controlMessage, {
  what: 'control message',
  code: 'invalid_request',
});
