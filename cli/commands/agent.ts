import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { AgentEvent } from '../../agent/agent-events.ts';
import { agentLimits } from '../../agent/agent-limits.ts';
import type { ListenerSettings } from '../../agent/scoring/listener-settings.ts';
import type { NpuSelection } from '../../agent/supervise/npu-selection.ts';
import { scoringEntry, spawnScoring, toldLater } from '../../agent/supervise/spawn-scoring.ts';
import { SluiceError } from '../../contract/errors.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { describeEvent } from '../describe-event.ts';
import { globalOptions, stateFolders } from '../global-options.ts';
import { printProgress } from '../output.ts';
import { stopRequested } from '../stop-signal.ts';
import {
  collectorUrl,
  deviceIndex,
  existingFile,
  fileMode,
  portNumber,
  portOrNone,
  processCount,
  ratio,
  wholeMebibytes,
} from './shared.ts';

const MiB = 1024 * 1024;

interface StartOptions {
  workspace?: string;
  device: string;
  token?: string;
  ca?: string;
  host: string;
  port: number | null;
  socket?: string;
  socketMode: number;
  tlsCertificate?: string;
  tlsKey?: string;
  tlsClientCa?: string;
  processes: number;
  npu: string;
  xclbin?: string;
  npuDevice: number;
  grpcPort?: number;
  serverName: string;
  allowModelControl?: true;
  corsOrigin?: string[];
  collectionMib: number;
  metricsTritonNames?: true;
  otlpEndpoint?: string;
  traceSample: number;
}

/** Reads `--npu` and, for a board, `--xclbin` and `--npu-device`. */
export function npuSelection(
  npu: string,
  { xclbin, npuDevice = 0 }: { xclbin?: string; npuDevice?: number } = {},
): NpuSelection | null {
  if (npu === 'none') return null;
  if (xclbin === undefined) return { kind: 'simulator', configuration: npu };
  return { kind: 'xrt', configuration: npu, xclbin, deviceIndex: npuDevice };
}

/** The option `--npu`, the same for `agent start` and `up`. */
export function npuOption(): Option {
  return new Option('--npu <configuration>', 'NPU to simulate (with --xclbin: that the board is), or none')
    .choices([...Object.keys(hardwareConfigurations), 'none'])
    .default('kv260-m');
}

/** Reads `--socket`, `--tls-certificate` and what belongs to them. Throws `usage`. */
function listenerSettings(
  options: Pick<StartOptions, 'socket' | 'socketMode' | 'tlsCertificate' | 'tlsKey' | 'tlsClientCa'>,
): ListenerSettings {
  const { socket, socketMode: mode, tlsCertificate, tlsKey, tlsClientCa } = options;
  if ((tlsCertificate === undefined) !== (tlsKey === undefined)) {
    throw new SluiceError('usage', '--tls-certificate and --tls-key go together; one is missing');
  }
  if (tlsClientCa !== undefined && tlsCertificate === undefined) {
    throw new SluiceError('usage', '--tls-client-ca needs --tls-certificate and --tls-key');
  }
  const settings: ListenerSettings = {};
  if (socket !== undefined) settings.socket = { path: resolve(socket), mode };
  if (tlsCertificate !== undefined && tlsKey !== undefined) {
    settings.tls = { certificateFile: resolve(tlsCertificate), keyFile: resolve(tlsKey) };
    if (tlsClientCa !== undefined) settings.tls.clientCaFile = resolve(tlsClientCa);
  }
  return settings;
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** `sluice agent start`. */
export function addAgentCommands(program: Command): void {
  const agent = program.command('agent').description('run a device: pulls images and serves them');

  agent
    .command('start')
    .description('run the agent of a device in the foreground; its state lives in --state')
    .requiredOption('-d, --device <name>', 'name under which the workspace knows this device')
    .option('-w, --workspace <url>', 'address of the workspace; needed at the first start')
    .option('--token <token>', "the device's token (default: SLUICE_DEVICE_TOKEN); needed at the first start")
    .option('--ca <file>', 'certificate authority of a workspace with TLS (PEM)', existingFile)
    .option('--host <address>', 'address of the scoring endpoint', '127.0.0.1')
    .option(
      '-p, --port <port>',
      'port of the scoring endpoint, or none (with --socket or --grpc-port)',
      portOrNone,
      5001,
    )
    .option('--socket <path>', 'Unix-domain socket on which the scoring endpoint listens too')
    .addOption(
      new Option('--socket-mode <mode>', 'permissions of its file: who may write may call')
        .argParser(fileMode)
        .default(0o660, '660'),
    )
    .option('--tls-certificate <file>', 'certificate of the scoring endpoint (PEM); its port then speaks TLS')
    .option('--tls-key <file>', 'private key of the certificate (PEM)')
    .option('--tls-client-ca <file>', 'let only clients in with a certificate of this authority (PEM)')
    .option('--processes <count>', 'scoring processes; each loads every image', processCount, 1)
    .option('--grpc-port <port>', 'serve Open Inference over gRPC too, at this port', portNumber)
    .addOption(npuOption())
    .option('--xclbin <file>', 'board image to run on through XRT, instead of the simulation', existingFile)
    .option('--npu-device <index>', 'which board, as XRT counts them', deviceIndex, 0)
    .option('--server-name <name>', 'what GET /v2 calls the server; some clients insist on triton', 'sluice')
    .option(
      '--cors-origin <origin>',
      'web pages of this origin may call the endpoint; * for any (repeatable)',
      collect,
    )
    .option('--allow-model-control', 'let clients unload models and load them again')
    .option(
      '--collection-mib <MiB>',
      'disk for requests that the workspace has collected; 0 to collect none',
      wholeMebibytes,
      agentLimits.collectionBytesMax / MiB,
    )
    .option('--metrics-triton-names', "add Triton's names (nv_inference_...) to GET /metrics")
    .addOption(
      new Option('--otlp-endpoint <url>', 'send traces to this OpenTelemetry collector (OTLP/HTTP with JSON)')
        .env('OTEL_EXPORTER_OTLP_ENDPOINT')
        .argParser(collectorUrl),
    )
    .option('--trace-sample <ratio>', 'part of the requests to trace that come without a trace', ratio, 1)
    .action(async (options: StartOptions, command: Command) => {
      const global = globalOptions(command);
      const stop = stopRequested();
      const token = options.token ?? process.env.SLUICE_DEVICE_TOKEN;
      const settings = {
        stateFolder: stateFolders(global.state).device(options.device),
        device: options.device,
        host: options.host,
        port: options.port,
        listeners: listenerSettings(options),
        processes: options.processes,
        npu: npuSelection(options.npu, options),
        endpoint: {
          serverName: options.serverName,
          grpcPort: options.grpcPort ?? null,
          allowsModelControl: options.allowModelControl ?? false,
          corsOrigins: options.corsOrigin ?? [],
          hasTritonMetricNames: options.metricsTritonNames ?? false,
          otlpEndpoint: options.otlpEndpoint ?? null,
          traceSampleRatio: options.traceSample,
        },
        collectionBytesMax: options.collectionMib * MiB,
        onEvent: (event: AgentEvent) =>
          printProgress({ json: global.json, value: event, text: describeEvent(event) }),
        ...(options.workspace === undefined ? {} : { workspaceUrl: options.workspace }),
        ...(token === undefined ? {} : { token }),
        ...(options.ca === undefined ? {} : { caFile: options.ca }),
      };
      // Both processes load their modules at the same time.
      const isOne = options.processes === undefined || options.processes === 1;
      const spawnedScoring = isOne ? spawnScoring(scoringEntry, toldLater) : undefined;
      const { Agent, createLogger } = await loadAgent().catch((thrown: unknown) => {
        spawnedScoring?.kill('SIGKILL');
        throw thrown;
      });
      const running = new Agent({
        ...settings,
        logger: createLogger({ name: 'agent', level: global.logLevel }),
        ...(spawnedScoring === undefined ? {} : { spawnedScoring }),
      });
      await running.start();
      await stop;
      await running.stop();
    });
}

async function loadAgent() {
  const [{ Agent }, { createLogger }] = await Promise.all([
    import('../../agent/agent.ts'),
    import('../../base/logger.ts'),
  ]);
  return { Agent, createLogger };
}
