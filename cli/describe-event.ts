import type { AgentEvent } from '../agent/agent-events.ts';
import { formatCount, shortDigest } from './output.ts';

/** One line of progress for a person. */
export function describeEvent(event: AgentEvent): string {
  switch (event.type) {
    case 'listening': {
      const npu = event.npu === null ? 'no NPU' : `NPU ${event.npu.route} ${event.npu.configuration}`;
      const places = [
        ...(event.port === null ? [] : [`port ${event.port}`]),
        ...(event.grpcPort === undefined ? [] : [`gRPC port ${event.grpcPort}`]),
        ...(event.socket === undefined ? [] : [event.socket]),
      ];
      return `scoring endpoint on ${places.join(' and ')}, ${npu}`;
    }
    case 'fetching':
      return `${event.deployment}: image pulled, ${formatCount(event.haveBytes)} of ${formatCount(event.needBytes)} bytes`;
    case 'verifying':
      return `${event.deployment}: verifying ${shortDigest(event.image)}`;
    case 'warming':
      return `${event.deployment}: running golden samples on every route`;
    case 'serving':
      return `${event.deployment}: serving ${shortDigest(event.image)}`;
    case 'retrying':
      return `${event.deployment}: ${event.error.message} [${event.error.code}]; will try again`;
    case 'failed':
      return `${event.deployment}: refused, ${event.error.message} [${event.error.code}]`;
  }
}
