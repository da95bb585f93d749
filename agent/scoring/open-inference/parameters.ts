import { SluiceError } from '../../../contract/errors.ts';
import { brief } from '../../tensors/brief.ts';

/** Parameters of a request, an input or an output, as the protocol has them. */
export type Parameters = Readonly<Record<string, unknown>> | undefined;

/** A whole number from `minimum` on; undefined when there is none. Throws `invalid_request`. */
export function integerParameter(
  parameters: Parameters,
  name: string,
  {
    where,
    minimum = 0,
    maximum = Number.MAX_SAFE_INTEGER,
  }: { where: string; minimum?: number; maximum?: number },
): number | undefined {
  const value = parameters?.[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum)
    return value;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum} on` : `from ${minimum} to ${maximum}`;
  throw new SluiceError(
    'invalid_request',
    `${where}: ${name} is ${brief(value)}, a whole number ${range} expected`,
  );
}

/** True or false; undefined when there is none. Throws `invalid_request`. */
export function booleanParameter(parameters: Parameters, name: string, where: string): boolean | undefined {
  const value = parameters?.[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw new SluiceError('invalid_request', `${where}: ${name} is ${brief(value)}, true or false expected`);
}

/** Refuses what a request cannot have here. Throws `invalid_request`. */
export function refuseParameters(parameters: Parameters, names: readonly string[], where: string): void {
  const found = names.find((name) => Object.hasOwn(parameters ?? {}, name));
  if (found === undefined) return;
  throw new SluiceError('invalid_request', `${where}: ${found} is not served here; send the tensor itself`);
}
