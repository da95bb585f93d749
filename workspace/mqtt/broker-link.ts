/** How a message is published. */
export interface PublishOptions {
  qos: 0 | 1;
  retain: boolean;
}

/** Takes a message; what it throws is logged, and changes nothing for the others. */
export type MessageHandler = (topic: string, payload: Uint8Array) => void;

/** The workspace's end of an MQTT broker, be it inside this process or elsewhere. */
export interface BrokerLink {
  /** Opens the broker or begins to connect to it. */
  start(): Promise<void>;
  /** Closes it; may be called twice. */
  stop(): Promise<void>;
  /** Whether messages can be published now. */
  readonly connected: boolean;
  /**
   * Publishes; settles when the broker took the message, at QoS 1 when it says so.
   * Throws `broker_unreachable`; nothing is kept for later.
   */
  publish(topic: string, payload: Uint8Array, options: PublishOptions): Promise<void>;
  /** Hands every message of a filter to `handler`, also after a reconnection. To be called before `start`. */
  subscribe(filter: string, handler: MessageHandler): void;
  /** Calls `listener` after every connection, when subscriptions stand. To be called before `start`. */
  onConnected(listener: () => void): void;
  /** Bytes published to a device that have not left yet. Through an outside broker: to all devices together. */
  backlogBytes(device: string): number;
}
