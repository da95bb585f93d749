// ONNX Runtime 1.30 and later send telemetry to their vendor from Linux and macOS too, keep an identifier of the
// device in the user's cache folder and write a log file for each process, unless this variable stands in the
// environment of the process before the library begins. A worker thread's `process.env` is a copy that the
// library does not see, so entry points of processes import this first. docs/decisions/0016-no-telemetry.md.

/** Whoever loads the library calls it too: bundlers may run modules in another order. */
export function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}

disableTelemetry();
