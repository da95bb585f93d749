import type { DataCollection } from '../../contract/messages.ts';
import type { Name } from '../../contract/names.ts';
import { Capture } from './capture.ts';
import type { CollectionDisk } from './collection-disk.ts';
import type { CollectionCounts, CollectionWriter } from './collection-writer.ts';

/** What a collector works with. */
export interface DataCollectorOptions {
  writer: CollectionWriter;
  disk: Pick<CollectionDisk, 'bytes' | 'removedBytes'>;
  /** The endpoint that a deployment stands behind. */
  endpointOf: (deployment: Name) => Name | undefined;
  /** From 0 up to 1. */
  random: () => number;
  randomId: () => string;
  /** Milliseconds since 1970. */
  instantMs: () => number;
}

/** What metrics tell of collected data. */
export interface CollectionState extends CollectionCounts {
  diskBytes: number;
  removedBytes: number;
}

/** Keeps requests of the deployments for which that is wanted. */
export class DataCollector {
  readonly #options: DataCollectorOptions;
  #wanted: ReadonlyMap<Name, DataCollection> = new Map();

  constructor(options: DataCollectorOptions) {
    this.#options = options;
  }

  /** What was collected. */
  get state(): CollectionState {
    const { writer, disk } = this.#options;
    return { ...writer.counts, diskBytes: disk.bytes, removedBytes: disk.removedBytes };
  }

  /** What is collected from now on, by deployment. */
  configure(wanted: Readonly<Record<Name, DataCollection>>): void {
    this.#wanted = new Map(Object.entries(wanted));
  }

  /** Decides about a request: undefined when it is not collected. */
  begin(request: { deployment: Name; version: number; requestId: string | undefined }): Capture | undefined {
    const { deployment, version } = request;
    const wanted = this.#wanted.get(deployment);
    if (wanted === undefined) return undefined;
    const { writer, endpointOf, random, randomId, instantMs } = this.#options;
    if (random() >= wanted.samplingRate) return undefined;
    const correlationId = randomId();
    const origin = {
      endpoint: endpointOf(deployment) ?? deployment,
      deployment,
      modelVersion: String(version),
      correlationId,
      requestId: request.requestId ?? correlationId,
    };
    return new Capture({ collections: wanted.collections, origin, writer, instantMs });
  }

  /** Writes what waits. Idempotent. */
  stop(): Promise<void> {
    return this.#options.writer.stop();
  }
}
