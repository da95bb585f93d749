import Type from '#typebox';

/** How a device's scoring endpoint presents itself; every field may be left out. */
export const EndpointSettings = Type.Object(
  {
    /** What `GET /v2` calls the server: some clients insist on `triton`. */
    serverName: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    /** Clients may take models out of service and put them back. */
    allowsModelControl: Type.Optional(Type.Boolean()),
    /** Port of Open Inference over gRPC; null for none. */
    grpcPort: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 65_535 }), Type.Null()])),
    /** Origins of web pages that may call it; `*` for any. */
    corsOrigins: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 64 })),
    /** `GET /metrics` has the names of Triton's metrics too. */
    hasTritonMetricNames: Type.Optional(Type.Boolean()),
    /** Address of an OpenTelemetry collector that takes traces over OTLP/HTTP; null for no traces. */
    otlpEndpoint: Type.Optional(
      Type.Union([Type.String({ pattern: '^https?://', maxLength: 2048 }), Type.Null()]),
    ),
    /** Part of the requests without a parent that are traced. */
    traceSampleRatio: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  },
  { additionalProperties: false },
);
export type EndpointSettings = Type.Static<typeof EndpointSettings>;

/** What applies to fields that are left out. */
export const endpointDefaults: Required<EndpointSettings> = {
  serverName: 'sluice',
  allowsModelControl: false,
  grpcPort: null,
  corsOrigins: [],
  hasTritonMetricNames: false,
  otlpEndpoint: null,
  traceSampleRatio: 1,
};
