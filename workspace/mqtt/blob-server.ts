import type { BlobStore } from '../../base/blob-store.ts';
import type { Logger } from '../../base/logger.ts';
import { parserOf } from '../../base/validate.ts';
import { encodeBlockFrame } from '../../contract/block-frame.ts';
import { chunkCount, chunkRange } from '../../contract/chunk-index.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { BlobRequest } from '../../contract/messages.ts';
import { deviceTopics, parseUpTopic, workspaceFilters } from '../../contract/topics.ts';
import { workspaceLimits } from '../limits.ts';
import type { BrokerLink } from './broker-link.ts';
import { ChunkQueue, type WantedChunk } from './chunk-queue.ts';

/** What a blob server needs. */
export interface BlobServerOptions {
  workspace: string;
  link: BrokerLink;
  blobs: BlobStore;
  /** Size of a blob that a device may have now; undefined for every other. */
  allowedSize: (device: string, digest: string) => number | undefined;
  logger: Logger;
}

const requestParser = parserOf(BlobRequest, { what: 'blob request', code: 'invalid_request' });

/**
 * Answers `up/get` with chunks on `dn/blk`. Devices take turns, one chunk each; one that does not take
 * its chunks waits without holding up the others.
 */
export class BlobServer {
  readonly #options: BlobServerOptions;
  /** Devices with chunks to send, in the order of their turns. */
  readonly #queues = new Map<string, ChunkQueue>();
  #running = false;
  #pumping = false;
  #pollTimer: NodeJS.Timeout | undefined;
  /** Since the start; a log line that repeats says how often. */
  #malformedRequests = 0;

  constructor(options: BlobServerOptions) {
    this.#options = options;
  }

  /** Subscribes; to be called before the link starts. */
  start(): void {
    this.#running = true;
    const { link, workspace } = this.#options;
    link.subscribe(workspaceFilters(workspace).get, (topic, payload) => this.#receive(topic, payload));
  }

  /** Sends nothing from now on. */
  stop(): void {
    this.#running = false;
    clearTimeout(this.#pollTimer);
    this.#queues.clear();
  }

  #receive(topic: string, payload: Uint8Array): void {
    const device = parseUpTopic(this.#options.workspace, topic)?.device;
    if (!this.#running || device === undefined) return;
    try {
      if (payload.length > workspaceLimits.blobRequestBytesMax) {
        throw new SluiceError('limit_exceeded', `blob request: ${payload.length} bytes`);
      }
      this.#accept(device, requestParser.parseJson(payload));
    } catch (thrown) {
      this.#malformedRequests += 1;
      const facts = {
        device,
        malformedRequests: this.#malformedRequests,
        error: toSluiceError(thrown).toJSON(),
      };
      this.#options.logger.warn(facts, 'blob request ignored');
    }
  }

  #accept(device: string, request: BlobRequest): void {
    const sizeBytes = this.#options.allowedSize(device, request.digest);
    if (sizeBytes === undefined) {
      const message = `blob ${request.digest} is not part of what ${device} shall run`;
      this.#refuse(device, request, new SluiceError('forbidden', message));
      return;
    }
    const chunks = chunkCount(sizeBytes);
    const beyond = request.ranges.find(([first, count]) => first + count > chunks);
    if (beyond !== undefined) {
      const message = `blob ${request.digest}: chunks ${beyond[0]} to ${beyond[0] + beyond[1] - 1} asked for, it has ${chunks}`;
      this.#refuse(device, request, new SluiceError('invalid_request', message));
      return;
    }
    let queue = this.#queues.get(device);
    if (queue === undefined) {
      queue = new ChunkQueue(limits.blobWindowChunksMax);
      this.#queues.set(device, queue);
    }
    const leftOut = queue.add(request, sizeBytes);
    if (leftOut > 0) this.#options.logger.debug({ device, leftOut }, 'blob request larger than the window');
    void this.#pump();
  }

  #refuse(device: string, request: BlobRequest, error: SluiceError): void {
    if (this.#backlogged(device)) return;
    const index = request.ranges[0]?.[0] ?? 0;
    const frame = encodeBlockFrame({ kind: 'refusal', stream: request.stream, index, error: error.toJSON() });
    this.#publish(device, frame);
  }

  #backlogged(device: string): boolean {
    return this.#options.link.backlogBytes(device) > workspaceLimits.deviceBacklogBytesMax;
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    clearTimeout(this.#pollTimer);
    try {
      for (let device = this.#nextTurn(); device !== undefined; device = this.#nextTurn()) {
        await this.#sendOne(device);
      }
    } finally {
      this.#pumping = false;
    }
    if (this.#running && this.#queues.size > 0) {
      this.#pollTimer = setTimeout(() => void this.#pump(), workspaceLimits.deviceBacklogPollMs);
    }
  }

  /** The device whose turn it is: the first in order that has no backlog. */
  #nextTurn(): string | undefined {
    for (const device of this.#queues.keys()) {
      if (!this.#backlogged(device)) return device;
    }
    return undefined;
  }

  async #sendOne(device: string): Promise<void> {
    const queue = this.#queues.get(device);
    const chunk = queue?.take();
    this.#queues.delete(device);
    if (queue === undefined || chunk === undefined) return;
    if (queue.length > 0) this.#queues.set(device, queue);
    const frame = await this.#frameOf(chunk);
    if (this.#running) this.#publish(device, frame);
  }

  async #frameOf(chunk: WantedChunk): Promise<Uint8Array> {
    const { stream, index } = chunk;
    try {
      const bytes = await this.#options.blobs.readRange(chunk.digest, chunkRange(chunk));
      return encodeBlockFrame({ kind: 'data', stream, index, bytes });
    } catch (thrown) {
      const error = toSluiceError(thrown, 'blob_unavailable');
      this.#options.logger.error({ err: thrown, digest: chunk.digest }, 'blob cannot be read');
      return encodeBlockFrame({
        kind: 'refusal',
        stream,
        index,
        error: { code: error.code, message: 'the workspace cannot read the blob' },
      });
    }
  }

  #publish(device: string, frame: Uint8Array): void {
    const { block } = deviceTopics({ workspace: this.#options.workspace, device });
    this.#options.link.publish(block, frame, { qos: 0, retain: false }).catch((thrown: unknown) => {
      this.#options.logger.debug({ device, error: toSluiceError(thrown).toJSON() }, 'chunk not sent');
    });
  }
}
