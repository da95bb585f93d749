import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

/** Schemas are data, which the build leaves in the source folder: seen from dist/agent/scoring/grpc. */
const schemaFiles = ['open-inference.proto', 'health.proto'].map((name) =>
  fileURLToPath(new URL(`../../../../agent/scoring/grpc/${name}`, import.meta.url)),
);
const root = new protobuf.Root().loadSync(schemaFiles, { keepCase: true });

/** Services by their full names. */
export const services = {
  inference: 'inference.GRPCInferenceService',
  health: 'grpc.health.v1.Health',
} as const;

/** A method of a service, and the names of its messages. */
export interface Method {
  name: string;
  /** As HTTP/2 has it. */
  path: string;
  request: string;
  response: string;
  isStream: boolean;
}

/** Methods of a service, as its schema has them. */
export function methodsOf(service: string): Method[] {
  return root.lookupService(service).methodsArray.map((method) => {
    method.resolve();
    const { resolvedRequestType, resolvedResponseType } = method;
    return {
      name: method.name,
      path: `/${service}/${method.name}`,
      request: fullName(resolvedRequestType),
      response: fullName(resolvedResponseType),
      isStream: method.requestStream ?? false,
    };
  });
}

/** A message from its bytes, with the defaults of fields that are left out. Throws an `Error` for what is none. */
export function decodeMessage(type: string, bytes: Uint8Array): Record<string, unknown> {
  const message = root.lookupType(type);
  return message.toObject(message.decode(bytes), { defaults: true, longs: Number });
}

/** A message in bytes; enumerations may be given by name. */
export function encodeMessage(type: string, value: object): Buffer {
  const message = root.lookupType(type);
  return Buffer.from(message.encode(message.fromObject(value)).finish());
}

function fullName(type: protobuf.Type | null): string {
  if (type === null) throw new Error('a message of a method is not in the schema');
  return type.fullName.slice(1);
}
