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
  /** Signed: that many deployments, each in an endpoint of its own, with the longest names. */
  desiredDocumentBytesMax: 16 * KiB,
  reportedDocumentBytesMax: 16 * KiB,
  deploymentsPerDeviceMax: 16,
  /** Deployments of one endpoint, on all devices together. */
  endpointDeploymentsMax: 64,
  /** Percent of an endpoint's requests that are mirrored, to all deployments together, as Azure has it. */
  mirrorPercentMax: 50,
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
  /** Inputs, and outputs, that one infer request names. */
  inferTensorsMax: 1024,
  /** Parameters of an infer request, an input or an output. */
  inferParametersMax: 256,
  /** Characters of an infer request's id, which the answer repeats. */
  inferIdCharsMax: 1024,
  /** Urgency of requests: 1 is the first, this many the last. */
  priorityLevels: 10,
  /** Requests that wait for one image before the next gets 429. */
  scoringQueueDepthMax: 256,
  /** Origins, and paths, that a scoring script may be granted. */
  scriptGrantsMax: 16,
  /** Files that an image carries for its script, and their bytes together. */
  scriptFilesMax: 16,
  scriptFilesBytesMax: 64 * MiB,
  /** State tensors of a model that keeps sequences. */
  sequenceStatesMax: 64,
  /** Characters of a sequence's id, as Triton has it. */
  sequenceIdCharsMax: 128,
  /** How long a sequence may be idle before it is forgotten: what an image gets, and the most it may ask for. */
  sequenceIdleMs: 60_000,
  sequenceIdleMsMax: 24 * 3_600_000,
  /** Sequences that an image keeps at a time: what it gets, and the most it may ask for. */
  sequencesKept: 256,
  sequencesKeptMax: 65_536,
  /** State tensors of all sequences of one image. */
  sequenceStateBytesMax: 256 * MiB,
  /** Scoring processes of a device; each loads every image. */
  scoringProcessesMax: 64,
  /** Items that an image may ask to merge, how long a request may wait for others, and preferred sizes. */
  batchItemsMax: 4096,
  batchDelayMicrosecondsMax: 1_000_000,
  preferredBatchesMax: 16,
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
