// What the Open Inference Protocol's REST specification (kserve/open-inference-protocol,
// specification/protocol/open_inference_rest.yaml) says of answers: the same fields, kinds and required ones, as
// JSON Schema.

const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;
const shape = { type: 'array', items: { type: 'integer' } } as const;
const parameters = { type: 'object' } as const;

/** Arrays, nested to any depth, of numbers, texts and truth values. */
const tensorData = {
  $id: 'tensor_data',
  type: 'array',
  items: { anyOf: [{ $ref: 'tensor_data' }, { type: 'number' }, text, { type: 'boolean' }] },
} as const;

const metadataTensor = {
  type: 'object',
  properties: { name: text, datatype: text, shape },
  required: ['name', 'datatype', 'shape'],
} as const;

/** Schemas of answers by the names that the specification gives them. */
export const answerSchemas = {
  metadata_server_response: {
    type: 'object',
    properties: { name: text, version: text, extensions: texts },
    required: ['name', 'version', 'extensions'],
  },
  metadata_model_response: {
    type: 'object',
    properties: {
      name: text,
      versions: texts,
      platform: text,
      inputs: { type: 'array', items: metadataTensor },
      outputs: { type: 'array', items: metadataTensor },
    },
    required: ['name', 'platform'],
  },
  inference_response: {
    $defs: { tensor_data: tensorData },
    type: 'object',
    properties: {
      model_name: text,
      model_version: text,
      id: text,
      parameters,
      outputs: {
        type: 'array',
        items: {
          type: 'object',
          properties: { name: text, shape, datatype: text, parameters, data: { $ref: 'tensor_data' } },
          required: ['name', 'shape', 'datatype', 'data'],
        },
      },
    },
    required: ['model_name', 'outputs'],
  },
  error_response: { type: 'object', properties: { error: text }, required: ['error'] },
} as const;
