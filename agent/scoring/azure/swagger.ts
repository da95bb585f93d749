import type { Datatype, TensorDescription } from '../../../contract/tensors.ts';
import type { ServedImage } from '../served-image.ts';
import { componentsOf } from './schema-components.ts';

/** Versions of the OpenAPI specification that `/swagger.json?version=` takes. */
export const swaggerVersions = ['2', '3', '3.1'] as const;
export type SwaggerVersion = (typeof swaggerVersions)[number];

type Schema = Record<string, unknown>;

/** Largest example, in elements, that is still read by anybody. */
const exampleElementsMax = 64;

const integers: Partial<Record<Datatype, [minimum: number, maximum: number]>> = {
  UINT8: [0, 2 ** 8 - 1],
  UINT16: [0, 2 ** 16 - 1],
  UINT32: [0, 2 ** 32 - 1],
  INT8: [-(2 ** 7), 2 ** 7 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
};

/** What is described: a deployment's image, and the path of its `/score`. */
interface Described {
  deployment: string;
  image: ServedImage;
  path: string;
  version: SwaggerVersion;
}

/**
 * The description of a deployment's `/score`: arrays nested like the shapes for an image without a script, else
 * what the script declares.
 */
export function swaggerOf({ deployment, image, path, version }: Described): Schema {
  const base = version === '2' ? '#/definitions/' : '#/components/schemas/';
  const schemas = {
    ...serviceSchemas(image, base),
    ErrorResponse: {
      type: 'object',
      properties: {
        error: { type: 'string' },
        message: { type: 'string' },
        code: { type: 'string' },
      },
    },
  };
  const info = {
    title: deployment,
    description: `Scoring API of the deployment ${deployment}, image ${image.name}`,
    version: String(image.version),
  };
  return version === '2' ? swagger2({ info, schemas, path }) : openApi3({ info, schemas, path, version });
}

function serviceSchemas({ signature, script }: ServedImage, base: string): Schema {
  if (script === undefined) {
    return { ServiceInput: objectOf(signature.inputs), ServiceOutput: objectOf(signature.outputs) };
  }
  const { input = {}, output = {} } = script.schemas;
  return {
    ...componentsOf({ name: 'ServiceInput', schema: input, base }),
    ...componentsOf({ name: 'ServiceOutput', schema: output, base }),
  };
}

interface Parts {
  info: Schema;
  schemas: Schema;
  path: string;
}

function swagger2({ info, schemas, path }: Parts): Schema {
  const reference = (name: string): Schema => ({ schema: { $ref: `#/definitions/${name}` } });
  return {
    swagger: '2.0',
    info,
    consumes: ['application/json'],
    produces: ['application/json'],
    paths: pathsOf(path, {
      body: {
        parameters: [
          { name: 'serviceInputPayload', in: 'body', required: true, ...reference('ServiceInput') },
        ],
      },
      text: { schema: { type: 'string' } },
      reference,
    }),
    definitions: schemas,
  };
}

function openApi3({ info, schemas, path, version }: Parts & { version: SwaggerVersion }): Schema {
  const json = (schema: Schema): Schema => ({ content: { 'application/json': { schema } } });
  const reference = (name: string): Schema => json({ $ref: `#/components/schemas/${name}` });
  return {
    openapi: version === '3' ? '3.0.3' : '3.1.0',
    info,
    paths: pathsOf(path, {
      body: { requestBody: { required: true, ...reference('ServiceInput') } },
      text: { content: { 'text/plain': { schema: { type: 'string' } } } },
      reference,
    }),
    components: { schemas },
  };
}

/** Both forms have the same paths, and say where a schema stands in their own way. */
function pathsOf(
  path: string,
  form: { body: Schema; text: Schema; reference: (name: string) => Schema },
): Schema {
  const failure = { default: { description: 'What went wrong', ...form.reference('ErrorResponse') } };
  return {
    '/': {
      get: {
        operationId: 'ServiceHealthCheck',
        description: 'Answers as soon as the server does',
        responses: { 200: { description: 'The text Healthy', ...form.text }, ...failure },
      },
    },
    [path]: {
      post: {
        operationId: 'RunMLService',
        description: 'Runs the model on the inputs',
        ...form.body,
        responses: {
          200: { description: 'The outputs of the model', ...form.reference('ServiceOutput') },
          ...failure,
        },
      },
    },
  };
}

function objectOf(tensors: readonly TensorDescription[]): Schema {
  const example = Object.fromEntries(
    tensors.map(({ name, datatype, shape }) => [name, exampleOf(datatype, shape)]),
  );
  return {
    type: 'object',
    required: tensors.map(({ name }) => name),
    properties: Object.fromEntries(
      tensors.map(({ name, datatype, shape }) => [name, arraysOf(datatype, shape)]),
    ),
    ...(tensors.every(({ shape }) => elementsOf(shape) <= exampleElementsMax) ? { example } : {}),
  };
}

function arraysOf(datatype: Datatype, [size, ...rest]: readonly number[]): Schema {
  if (size === undefined) return elementOf(datatype);
  const items = arraysOf(datatype, rest);
  return size === -1
    ? { type: 'array', minItems: 1, items }
    : { type: 'array', minItems: size, maxItems: size, items };
}

function elementOf(datatype: Datatype): Schema {
  const range = integers[datatype];
  if (range !== undefined) return { type: 'integer', minimum: range[0], maximum: range[1] };
  switch (datatype) {
    case 'BOOL':
      return { type: 'boolean' };
    case 'BYTES':
      return { type: 'string' };
    case 'INT64':
    case 'UINT64':
      return { type: 'integer', format: 'int64' };
    case 'FP64':
      return { type: 'number', format: 'double' };
    default:
      return { type: 'number', format: 'float' };
  }
}

function exampleOf(datatype: Datatype, [size, ...rest]: readonly number[]): unknown {
  if (size !== undefined) return Array.from({ length: Math.abs(size) }, () => exampleOf(datatype, rest));
  if (datatype === 'BOOL') return false;
  return datatype === 'BYTES' ? 'text' : 0;
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * Math.abs(size), 1);
}
