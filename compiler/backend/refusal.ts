import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';

/** The refusal of a layer that this NPU cannot compute: `model_unsupported`, naming layer and reason. */
export function unsupportedLayer(name: string, reason: string): SluiceError {
  return new SluiceError('model_unsupported', `layer ${quoted(name)}: ${reason}`);
}
