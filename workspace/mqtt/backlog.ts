import { topicRoot } from '../../contract/topics.ts';

/** Counts the bytes on their way to each device between publication and delivery. */
export class Backlog {
  readonly #prefix: string;
  readonly #bytes = new Map<string, number>();

  constructor(workspace: string) {
    this.#prefix = `${topicRoot}/${workspace}/d/`;
  }

  /** Bytes on their way to a device. */
  bytes(device: string): number {
    return this.#bytes.get(device) ?? 0;
  }

  /** Notes a publication; the returned function says that it was delivered. */
  add(topic: string, bytes: number): () => void {
    if (!topic.startsWith(this.#prefix)) return () => undefined;
    const device = topic.slice(this.#prefix.length).split('/', 1)[0] ?? '';
    this.#bytes.set(device, this.bytes(device) + bytes);
    return () => {
      const left = this.bytes(device) - bytes;
      if (left > 0) this.#bytes.set(device, left);
      else this.#bytes.delete(device);
    };
  }
}
