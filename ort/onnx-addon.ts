import type { SluiceError } from '../contract/errors.ts';
import type { Datatype, Tensor } from '../contract/tensors.ts';

// Nominal, so that one handle cannot stand in for the other.
/** What the addon knows a lane by. */
export type LaneHandle = { readonly laneHandle: unique symbol };
/** What the addon knows a session by. */
export type SessionHandle = { readonly sessionHandle: unique symbol };

/** A session that the addon has loaded. */
export interface LoadedSession {
  session: SessionHandle;
  /** Of the graph. */
  inputNames: string[];
  outputNames: string[];
}

/** An output of a run. */
export interface AddonOutput {
  datatype: Datatype;
  shape: number[];
  data: Uint8Array;
}

/** The addon's functions for ONNX Runtime (native/addon/ort.cpp). */
export interface OnnxAddon {
  beginLoading(library: string): void;
  openLane(): LaneHandle;
  closeLane(lane: LaneHandle, callback: () => void): void;
  terminateLane(lane: LaneHandle): void;
  loadSession(library: string, model: Uint8Array, fusesQuantisation: boolean): LoadedSession;
  loadSessionOn(
    lane: LaneHandle,
    library: string,
    model: Uint8Array,
    fusesQuantisation: boolean,
    callback: (error: SluiceError | null, loaded: LoadedSession) => void,
  ): void;
  run(session: SessionHandle, inputs: readonly Tensor[], outputNames: readonly string[]): AddonOutput[];
  runOn(
    lane: LaneHandle,
    session: SessionHandle,
    inputs: readonly Tensor[],
    outputNames: readonly string[],
    targets: readonly (Uint8Array | undefined)[],
    callback: (error: SluiceError | null, outputs: AddonOutput[], computeMs: number) => void,
  ): void;
  releaseSession(session: SessionHandle, callback: () => void): void;
}
