import type { SerializedError } from '../../contract/errors.ts';
import type { DataCollection, DesiredEndpoint, DesiredVersion } from '../../contract/messages.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { EndpointSettings } from '../scoring/endpoint-settings.ts';
import type { ListenerSettings } from '../scoring/listener-settings.ts';
import type { NpuSelection } from './npu-selection.ts';

/** How the control process starts the scoring process: one JSON argument. */
export interface ScoringStart {
  host: string;
  /** Null for none: then there is a socket. */
  port: number | null;
  /** TLS, and a Unix-domain socket. */
  listeners?: ListenerSettings;
  /** How many processes score; 1 if not given. */
  processes?: number;
  /** Root of the agent's blob store. */
  blobRoot: string;
  npu: NpuSelection | null;
  endpoint?: EndpointSettings;
  /** Where collected data goes; nothing is collected without. */
  collection?: CollectionStart;
  logLevel: string;
}

/** Where the scoring process puts what it collects. */
export interface CollectionStart {
  folder: string;
  /** Name of the device, which files and lines carry. */
  device: Name;
  /** What the folder may take on disk. */
  bytesMax: number;
}

/** What a device's NPU is, as the scoring process found it. */
export interface NpuDescription {
  route: 'fpga' | 'fpga-sim';
  configuration: string;
  hash: string;
}

/** What a desired document says of endpoints, and what is collected behind them. */
export interface EndpointsWanted {
  version: DesiredVersion;
  endpoints: DesiredEndpoint[];
  /** All that the device shall run, in an endpoint or not. */
  deployments: Name[];
  /** By deployment; those that are not named collect nothing. */
  collect?: Record<Name, DataCollection>;
}

/** The first message to a scoring process that was started before its argument was known. */
export interface StartMessage {
  type: 'start';
  /** `ScoringStart` as JSON. */
  argument: string;
}

/** Control process to scoring process, over the child's IPC channel. */
export type ControlMessage =
  /** Load, check against golden samples, then switch the deployment's name to this image. */
  | { type: 'activate'; requestId: number; deployment: Name; image: Digest }
  | { type: 'remove'; requestId: number; deployment: Name }
  /** Endpoints and collections from now on, all at once. It comes before any `activate`. */
  | ({ type: 'configure' } & EndpointsWanted)
  /** Finish what is running, then exit with code 0. */
  | { type: 'stop' };

/** Where a scoring process listens. */
export interface ListeningPorts {
  /** Null without TCP. */
  port: number | null;
  /** Absent when gRPC is off. */
  grpcPort?: number;
}

/** Scoring process to control process. */
export type ScoringMessage =
  | ({ type: 'listening'; npu: NpuDescription | null } & ListeningPorts)
  /** The process could not start; it exits. */
  | { type: 'failed'; error: SerializedError }
  /** `keepsSequences` tells the primary of several processes that clients must stay with one of them. */
  | { type: 'activated'; requestId: number; keepsSequences?: boolean }
  | { type: 'rejected'; requestId: number; error: SerializedError }
  | { type: 'removed'; requestId: number }
  | { type: 'configured'; version: DesiredVersion }
  /**
   * So many of several scoring processes died at about the same time; the others go on, and they start again.
   * `isAnswered` when an activation that is rejected for it says whose fault it was.
   */
  | { type: 'process-died'; processes: number; isAnswered: boolean };
