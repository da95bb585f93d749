import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { ControlMessage, ScoringMessage, ScoringStart } from '../../agent/supervise/control-protocol.ts';
import { isErrorCode } from '../../contract/errors.ts';

/**
 * A scoring process without engines, for the tests of its supervisor: it speaks the control protocol and
 * answers every request with the images it serves, its endpoints and the names in its environment. `behaviour.json` beside the blob store maps an image
 * digest to `crash`, `hang`, `crash-later`, or the error code to reject it with.
 */
const start = JSON.parse(process.argv[2] ?? '{}') as ScoringStart;
const served = new Map<string, string>();
let configured: object | undefined;

function tell(message: ScoringMessage): void {
  process.send?.(message);
}

function behaviourOf(image: string): string | undefined {
  const path = join(start.blobRoot, '..', 'behaviour.json');
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>)[image];
}

function activate(message: Extract<ControlMessage, { type: 'activate' }>): void {
  const { requestId, deployment, image } = message;
  const behaviour = behaviourOf(image);
  if (behaviour === 'crash') process.exit(7);
  if (behaviour === 'hang') return;
  if (behaviour !== undefined && isErrorCode(behaviour)) {
    tell({ type: 'rejected', requestId, error: { code: behaviour, message: `told to: ${behaviour}` } });
    return;
  }
  served.set(deployment, image);
  tell({ type: 'activated', requestId });
  if (behaviour === 'crash-later') setTimeout(() => process.exit(8), 20);
}

const server = createServer((_request, response) => {
  const environment = Object.keys(process.env);
  const answer = {
    pid: process.pid,
    served: Object.fromEntries(served),
    configured,
    collection: start.collection,
    environment,
  };
  response.end(JSON.stringify(answer));
});

process.on('message', (message: ControlMessage) => {
  if (message.type === 'stop') process.exit(0);
  if (message.type === 'activate') activate(message);
  if (message.type === 'configure') {
    const { type: _, ...wanted } = message;
    configured = wanted;
    tell({ type: 'configured', version: message.version });
  }
  if (message.type === 'remove') {
    served.delete(message.deployment);
    tell({ type: 'removed', requestId: message.requestId });
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => undefined);

server.on('error', () => {
  const error = { code: 'port_in_use' as const, message: `port ${start.port}: in use; pass another --port` };
  process.send?.({ type: 'failed', error } satisfies ScoringMessage, () => process.exit(1));
});
server.listen(start.port ?? 0, start.host, () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const npu = start.npu && {
    route: 'fpga-sim' as const,
    configuration: start.npu.configuration,
    hash: 'f'.repeat(64),
  };
  tell({ type: 'listening', port, npu });
});
