import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../contract/errors.ts';

/** Where the native build puts the addon. */
const addonUrl = new URL('../../build/native/Release/sluice_native.node', import.meta.url);

/**
 * Loads the addon, as the type that declares the functions which the caller uses. Node keeps one copy for
 * each thread. Throws `device_unavailable`.
 */
export function loadAddon<Addon>(): Addon {
  let addon: Addon & { initialise(errorClass: typeof SluiceError): void };
  try {
    addon = createRequire(import.meta.url)(fileURLToPath(addonUrl)) as typeof addon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new SluiceError('device_unavailable', `NPU addon: ${reason}; run \`npm run build\``, { cause });
  }
  addon.initialise(SluiceError);
  return addon;
}
