const KiB = 1024;
const MiB = 1024 * KiB;

/** Every named limit of what crosses a boundary, in one place. Units stand last in the names. */
export const limits = {
  /** One chunk of a blob, and the unit of its chunk index. Fits AWS IoT's 128 KiB payload limit. */
  chunkBytes: 64 * KiB,
  /** Frame header in front of a chunk (contract/block-frame.ts). */
  blockFrameHeaderBytes: 8,
  /** Ranges in one blob request. */
  blobRequestRangesMax: 64,
  /** Chunks that one blob request may ask for: the receiver's largest window. */
  blobWindowChunksMax: 256,
  desiredDocumentBytesMax: 8 * KiB,
  reportedDocumentBytesMax: 16 * KiB,
  deploymentsPerDeviceMax: 16,
  manifestBytesMax: 256 * KiB,
  runManifestBytesMax: 256 * KiB,
  samplesBytesMax: 16 * MiB,
  /** Samples that a model is quantised with, and bytes of all their tensors. */
  calibrationSamplesMax: 256,
  calibrationBytesMax: 512 * MiB,
  scriptBytesMax: 16 * MiB,
  /** Largest blob that a workspace keeps and a device pulls. */
  blobBytesMax: 4 * 1024 * MiB,
  imageLayersMax: 128,
  /** Largest packet of the embedded MQTT broker: a chunk, its frame and its topic. */
  mqttPacketBytesMax: 256 * KiB,
  /** Scoring request body, as Triton's default. */
  scoringBodyBytesMax: 64 * MiB,
  /** Message of a gRPC call that carries no tensors. */
  grpcControlBytesMax: 1 * MiB,
  /** Decompressed bytes of all scoring requests that are under way, and requests that wait for some. */
  inflatedBytesMax: 256 * MiB,
  inflatingRequestsMax: 256,
  /** Largest values that a classification gives of an output. */
  classesMax: 1000,
  /** JSON body of the workspace's REST API. */
  apiBodyBytesMax: 1 * MiB,
  tensorRankMax: 16,
  /** Inputs, and outputs asked for, of one infer request over gRPC, and its parameters. */
  inferTensorsMax: 1024,
  inferParametersMax: 64,
  /** Urgency of requests: 1 is the first, this many the last. */
  priorityLevels: 10,
  /** Requests that wait for one image before the next gets 429. */
  scoringQueueDepthMax: 256,
  scriptTimeoutMs: 10_000,
  scriptHeapMiB: 256,
  programBytesMax: 512 * MiB,
  /** Elements of one tensor of an NPU item: the floats of the largest request body are as many. */
  npuItemElementsMax: 16 * MiB,
  /** Input or output regions of the items of one run. */
  npuRunBytesMax: 64 * MiB,
  /** Tensors that enter an NPU program, and that leave it. */
  npuBindingsMax: 64,
  /** JavaScript heap of the worker thread that reads, compiles and verifies a model. */
  compilerHeapMiB: 2048,
} as const;
