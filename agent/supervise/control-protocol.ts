import type { SerializedError } from '../../contract/errors.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { EndpointSettings } from '../scoring/endpoint-settings.ts';
import type { NpuSelection } from './npu-selection.ts';

/** How the control process starts the scoring process: one JSON argument. */
export interface ScoringStart {
  host: string;
  port: number;
  /** Root of the agent's blob store. */
  blobRoot: string;
  npu: NpuSelection | null;
  endpoint?: EndpointSettings;
  logLevel: string;
}

/** What a device's NPU is, as the scoring process found it. */
export interface NpuDescription {
  route: 'fpga' | 'fpga-sim';
  configuration: string;
  hash: string;
}

/** Control process to scoring process, over the child's IPC channel. */
export type ControlMessage =
  /** Load, check against golden samples, then switch the deployment's name to this image. */
  | { type: 'activate'; requestId: number; deployment: Name; image: Digest }
  | { type: 'remove'; requestId: number; deployment: Name }
  /** Finish what is running, then exit with code 0. */
  | { type: 'stop' };

/** Scoring process to control process. */
export type ScoringMessage =
  | { type: 'listening'; port: number; grpcPort?: number; npu: NpuDescription | null }
  /** The process could not start; it exits. */
  | { type: 'failed'; error: SerializedError }
  | { type: 'activated'; requestId: number }
  | { type: 'rejected'; requestId: number; error: SerializedError }
  | { type: 'removed'; requestId: number };
