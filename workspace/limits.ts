/** Limits of the workspace that nothing outside it needs to know. Units stand last in the names. */
export const workspaceLimits = {
  /** Messages that aedes hands out at once; its default of 100 lets one stalled reader freeze everybody. */
  brokerConcurrency: 10_000,
  brokerConnectionsMax: 10_000,
  brokerConnectTimeoutMs: 10_000,
  /** A session whose socket takes nothing for so long is closed. */
  brokerDrainTimeoutMs: 5_000,
  /** Filters that one device subscribes at once; it needs three. */
  deviceSubscriptionsMax: 32,
  /** Messages of QoS 2, which no device needs, that one of them leaves unreleased. */
  deviceQos2InFlightMax: 8,
  /** Bytes waiting for a device before it gets no further chunk. */
  deviceBacklogBytesMax: 256 * 1024,
  /** How often a device with a backlog is looked at again. */
  deviceBacklogPollMs: 10,
  /** Connection to an outside broker. */
  externalConnectTimeoutMs: 10_000,
  externalPublishTimeoutMs: 10_000,
  externalKeepaliveSeconds: 15,
  reconnectBaseMs: 1_000,
  reconnectCapMs: 300_000,
  /** A connection that lasted so long starts the back-off afresh. */
  reconnectStableMs: 300_000,
  /** Desired documents signed and published before other work gets a turn. */
  desiredPublishBatch: 16,
  /** Status of devices is written to disk together, this often. */
  statusFlushMs: 200,
  /** Model registrations and image builds that wait for the one that runs. */
  buildQueueDepthMax: 16,
  /** The ONNX protocol buffer's own limit. */
  modelBytesMax: 2 ** 31 - 1,
  /** Bytes of a presence message. */
  presenceBytesMax: 1024,
  /** Bytes of a blob request. */
  blobRequestBytesMax: 16 * 1024,
} as const;
