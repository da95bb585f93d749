import { SluiceError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';

/**
 * Bounds the lists of an infer request before its schema looks at them: the schema would walk and complain of
 * every entry of a list of millions. Looks at nothing else. Throws `limit_exceeded`.
 */
export function checkBounds(request: unknown): void {
  const { id, parameters, inputs, outputs } = fieldsOf(request);
  if (typeof id === 'string') bound('id', id.length, limits.inferIdCharsMax, 'characters');
  boundParameters('parameters', parameters);
  for (const [field, list] of Object.entries({ inputs, outputs })) {
    if (!Array.isArray(list)) continue;
    bound(field, list.length, limits.inferTensorsMax, 'entries');
    for (const [index, tensor] of list.entries()) {
      const own = fieldsOf(tensor);
      boundParameters(`${field}[${index}]: parameters`, own.parameters);
      if (Array.isArray(own.shape)) {
        bound(`${field}[${index}]: shape`, own.shape.length, limits.tensorRankMax, 'dimensions');
      }
    }
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function boundParameters(where: string, parameters: unknown): void {
  const count = Array.isArray(parameters) ? parameters.length : Object.keys(fieldsOf(parameters)).length;
  bound(where, count, limits.inferParametersMax, 'entries');
}

function bound(where: string, count: number, most: number, unit: string): void {
  if (count <= most) return;
  throw new SluiceError('limit_exceeded', `${where}: ${count} ${unit}, at most ${most} are allowed`);
}
