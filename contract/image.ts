import Type from '#typebox';
import { limits } from './limits.ts';
import { Digest, Instant, Name } from './names.ts';
import { TensorSignature } from './tensors.ts';

/**
 * Media types of an image. OCI image-spec 1.1 and CNCF ModelPack model-spec where they have one,
 * `vnd.sluice` for the rest.
 */
export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
  modelArtifact: 'application/vnd.cncf.model.manifest.v1+json',
  modelConfig: 'application/vnd.cncf.model.config.v1+json',
  weights: 'application/vnd.cncf.model.weight.v1.raw',
  code: 'application/vnd.cncf.model.code.v1.raw',
  run: 'application/vnd.sluice.run.v1+json',
  program: 'application/vnd.sluice.npu-program.v1',
  samples: 'application/vnd.sluice.samples.v1+json',
  chunkIndex: 'application/vnd.sluice.chunk-index.v1',
  envelope: 'application/vnd.dsse.envelope.v1+json',
} as const;

/** Annotations that Sluice reads. */
export const annotations = {
  /** ModelPack: path of the layer's file inside the model. */
  filepath: 'org.cncf.model.filepath',
  /** Digest of the layer's chunk index, itself a layer. */
  chunkIndex: 'dev.sluice.chunk-index',
  /** Name and version under which the workspace knows the image. */
  title: 'org.opencontainers.image.title',
  version: 'org.opencontainers.image.version',
  created: 'org.opencontainers.image.created',
  /** OCI image layout: the reference of a manifest in index.json. */
  reference: 'org.opencontainers.image.ref.name',
} as const;

/** File names of the layers, as `org.cncf.model.filepath` gives them. */
export const layerPaths = {
  model: 'model.onnx',
  script: 'score.mjs',
  run: 'run.json',
  samples: 'samples.json',
  program: 'npu/program.bin',
  /** What ONNX Runtime computes before and behind the program. */
  head: 'head.onnx',
  tail: 'tail.onnx',
} as const;

/** In front of the path of a file that an image carries for its script. */
export const scriptFilesFolder = 'files/';

/** OCI content descriptor. */
export const Descriptor = Type.Object({
  mediaType: Type.String({ maxLength: 255 }),
  digest: Digest,
  size: Type.Integer({ minimum: 1, maximum: limits.blobBytesMax }),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type Descriptor = Type.Static<typeof Descriptor>;

/** OCI image manifest with ModelPack's artifact type. Unknown fields are allowed, as OCI asks. */
export const ImageManifest = Type.Object({
  schemaVersion: Type.Literal(2),
  mediaType: Type.Literal(mediaTypes.manifest),
  artifactType: Type.Literal(mediaTypes.modelArtifact),
  config: Descriptor,
  layers: Type.Array(Descriptor, { minItems: 1, maxItems: limits.imageLayersMax }),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ImageManifest = Type.Static<typeof ImageManifest>;

/** CNCF ModelPack model config (model-spec docs/config.md): description of the model and its layers. */
export const ModelConfig = Type.Object({
  descriptor: Type.Object({
    name: Type.String(),
    version: Type.String(),
    createdAt: Type.Optional(Instant),
  }),
  modelfs: Type.Object({ type: Type.Literal('layers'), diffIds: Type.Array(Digest) }),
  config: Type.Object({ format: Type.Literal('onnx') }),
});
export type ModelConfig = Type.Static<typeof ModelConfig>;

/** Which route answers when the request does not say. */
export const RoutePolicy = Type.Union([Type.Literal('auto'), Type.Literal('cpu'), Type.Literal('fpga')]);
export type RoutePolicy = Type.Static<typeof RoutePolicy>;

const Size = Type.Integer({ minimum: 1, maximum: limits.npuItemElementsMax });

/**
 * Ties a float tensor to int8 bytes of the NPU's input or output region: `real = (int8 - zeroPoint) * scale`,
 * with ONNX QuantizeLinear / DequantizeLinear arithmetic. Element (channel, row, column) of an item stands
 * - in the tensor at `channel * channelStride + row * rowStride + column * columnStride`, items one after the
 *   other: any order of the three directions, but no gaps. The stride of a direction of size 1 means nothing.
 * - in the item's region at byte `offsetBytes + ((channel div W) * rows * columns + row * columns + column) * W
 *   + channel mod W`, W being `inputParallel` of the hardware. Lanes beyond the last channel are 0 on the way
 *   in and ignored on the way out.
 */
export const NpuBinding = Type.Object(
  {
    tensor: Type.String({ minLength: 1 }),
    /** Rounded to float32, where it must still be positive and finite. */
    scale: Type.Number({ exclusiveMinimum: 0 }),
    zeroPoint: Type.Integer({ minimum: -128, maximum: 127 }),
    /** First byte inside the region of one item, a multiple of W. */
    offsetBytes: Type.Integer({ minimum: 0, maximum: limits.npuRunBytesMax }),
    channels: Size,
    rows: Size,
    columns: Size,
    channelStride: Size,
    rowStride: Size,
    columnStride: Size,
  },
  { additionalProperties: false },
);
export type NpuBinding = Type.Static<typeof NpuBinding>;

const NpuBindings = Type.Array(NpuBinding, { minItems: 1, maxItems: limits.npuBindingsMax });

/**
 * How the NPU answers: `head.onnx` (if any) reads the graph's inputs, the program reads those or what the head
 * gives, `tail.onnx` (if any) reads any of these or what the program gives. Every output of the graph comes
 * from one of the three.
 */
export const NpuRoute = Type.Object(
  {
    configuration: Type.String({ minLength: 1 }),
    hardwareHash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    inputs: NpuBindings,
    outputs: NpuBindings,
    /** Tensors of the layer `head.onnx`; it stands there exactly when the layer does. */
    head: Type.Optional(TensorSignature),
    /** Tensors of the layer `tail.onnx`, likewise. */
    tail: Type.Optional(TensorSignature),
  },
  { additionalProperties: false },
);
export type NpuRoute = Type.Static<typeof NpuRoute>;

/**
 * Where ONNX Runtime runs: in worker threads, on the event loop, or wherever measuring says (`auto`): a model that
 * is faster than changing threads runs on the event loop.
 */
export const Placement = Type.Union([Type.Literal('auto'), Type.Literal('inline'), Type.Literal('thread')]);
export type Placement = Type.Static<typeof Placement>;

const batchItems = Type.Integer({ minimum: 1, maximum: limits.batchItemsMax });

/**
 * How requests are merged, where every tensor's first dimension is open. Left out: as far as a trial on the device
 * gives the same bytes, and faster.
 */
export const Batching = Type.Object(
  {
    /** Items of one run; 1 merges nothing. */
    itemsMax: batchItems,
    /** How long a request that could run waits for others; 0 when left out. */
    delayMicroseconds: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.batchDelayMicrosecondsMax })),
    /** Sizes that a run is cut down to when enough waits, and that end a delay. */
    preferredItems: Type.Optional(
      Type.Array(batchItems, { minItems: 1, maxItems: limits.preferredBatchesMax, uniqueItems: true }),
    ),
  },
  { additionalProperties: false },
);
export type Batching = Type.Static<typeof Batching>;

/** Number of ONNX Runtime sessions. */
export const Sessions = Type.Integer({ minimum: 1, maximum: 64 });
/** Requests that wait for one image before the next gets 429. */
export const QueueDepth = Type.Integer({ minimum: 1, maximum: 65_536 });

/** How ONNX Runtime answers: it runs `model.onnx` as a whole. */
export const CpuRoute = Type.Object(
  {
    sessions: Sessions,
    placement: Type.Optional(Placement),
    /**
     * ONNX Runtime leaves QuantizeLinear and DequantizeLinear as they are (`session.disable_quant_qdq`), in
     * head and tail as well. Canonical models need it: fused operators have other bits on some processors.
     */
    keepsQuantisation: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type CpuRoute = Type.Static<typeof CpuRoute>;

/** What a scoring script may reach besides its request and its model; nothing when left out. */
export const ScriptGrants = Type.Object(
  {
    /** Origins that `context.fetch` may ask, such as `https://api.example:8443`. */
    network: Type.Optional(
      Type.Array(Type.String({ pattern: '^https?://[^/?#@\\s]+$', maxLength: 255 }), {
        maxItems: limits.scriptGrantsMax,
      }),
    ),
    /** Absolute paths of the device, files or folders, that `context.readFile` may read. */
    read: Type.Optional(
      Type.Array(Type.String({ pattern: '^/', maxLength: 1024 }), { maxItems: limits.scriptGrantsMax }),
    ),
  },
  { additionalProperties: false },
);
export type ScriptGrants = Type.Static<typeof ScriptGrants>;

/** How a scoring script runs. */
export const ScriptSettings = Type.Object(
  {
    timeoutMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }),
    heapMiB: Type.Integer({ minimum: 8, maximum: 65_536 }),
    grants: Type.Optional(ScriptGrants),
  },
  { additionalProperties: false },
);
export type ScriptSettings = Type.Static<typeof ScriptSettings>;

/** Path of a file that an image carries for its script: names with slashes between them, none hidden. */
export const ScriptFilePath = Type.String({
  pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$',
  maxLength: 255,
});

/** What one run gives as `output` is what the next run of the same sequence takes as `input`. */
export const StatePair = Type.Object({
  input: Type.String({ minLength: 1 }),
  output: Type.String({ minLength: 1 }),
});
export type StatePair = Type.Static<typeof StatePair>;

/** State tensors of a model, at least one. */
export const StatePairs = Type.Array(StatePair, { minItems: 1, maxItems: limits.sequenceStatesMax });

/** After so many idle milliseconds a sequence is forgotten. */
export const SequenceIdleMs = Type.Integer({ minimum: 1, maximum: limits.sequenceIdleMsMax });

/** So many sequences are kept at a time. */
export const SequencesKept = Type.Integer({ minimum: 1, maximum: limits.sequencesKeptMax });

/** How the requests of a sequence follow each other: the server keeps the state tensors between them. */
export const SequenceSettings = Type.Object({
  state: StatePairs,
  idleMs: SequenceIdleMs,
  sequencesMax: SequencesKept,
});
export type SequenceSettings = Type.Static<typeof SequenceSettings>;

/** Part of all requests. */
export const ShadowShare = Type.Number({ minimum: 0, maximum: 1 });

/** `run.json`: how an image is served. */
export const RunManifest = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    name: Name,
    version: Type.Integer({ minimum: 1 }),
    signature: TensorSignature,
    routes: Type.Object(
      {
        policy: RoutePolicy,
        cpu: CpuRoute,
        npu: Type.Optional(NpuRoute),
        /** Share of requests that run on both routes, to compare their bytes; 0 without. */
        shadow: Type.Optional(ShadowShare),
        batching: Type.Optional(Batching),
      },
      { additionalProperties: false },
    ),
    script: Type.Optional(ScriptSettings),
    sequence: Type.Optional(SequenceSettings),
    limits: Type.Object({ queueDepth: QueueDepth }, { additionalProperties: false }),
  },
  { additionalProperties: false },
);
export type RunManifest = Type.Static<typeof RunManifest>;
