import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { SluiceError } from '../contract/errors.ts';
import { loadAddon } from '../native/load-addon.ts';
import { disableTelemetry } from './disable-telemetry.ts';
import type { OnnxAddon } from './onnx-addon.ts';

/** ONNX Runtime's shared library by its names on Linux, macOS and Windows; its providers have longer ones. */
const libraryName =
  /^(?:libonnxruntime(?:\.\d[\d.]*)?\.dylib|libonnxruntime\.so(?:\.\d[\d.]*)?|onnxruntime\.dll)$/;

let found: { addon: OnnxAddon; libraryPath: string } | undefined;

/** The addon, and the file of the library that the package onnxruntime-node has. Throws `engine_failed`. */
export function onnxRuntime(): { addon: OnnxAddon; libraryPath: string } {
  disableTelemetry();
  found ??= { addon: addonOfRuntime(), libraryPath: findLibrary() };
  return found;
}

function addonOfRuntime(): OnnxAddon {
  try {
    return loadAddon<OnnxAddon>();
  } catch (cause) {
    throw new SluiceError('engine_failed', (cause as Error).message, { cause });
  }
}

function findLibrary(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch);
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => libraryName.test(name));
  } catch {
    // No folder: nothing for this platform.
  }
  const [name] = names;
  if (name !== undefined) return join(folder, name);
  throw new SluiceError(
    'engine_failed',
    `ONNX Runtime: its package has no library for ${process.platform}-${process.arch}`,
  );
}
