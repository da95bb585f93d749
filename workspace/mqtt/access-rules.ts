import { limits } from '../../contract/limits.ts';
import { deviceTopics, workspaceWideFilter } from '../../contract/topics.ts';
import { filterContains, filterMatches } from './topic-filters.ts';

/** Who may do what on the broker: a device writes its own `up` tree and reads its own `dn` and the workspace's `all`. */
export class AccessRules {
  readonly #workspace: string;

  constructor(workspace: string) {
    this.#workspace = workspace;
  }

  /** Whether a device may publish on a topic; wills are publications too. */
  mayPublish(device: string, topic: string): boolean {
    const { upFilter } = deviceTopics({ workspace: this.#workspace, device });
    return topic.startsWith(upFilter.slice(0, -1)) && filterMatches(upFilter, topic);
  }

  /** Whether the broker keeps a message of a device: its two documents alone, so that memory has a bound. */
  mayRetain(device: string, topic: string, payloadBytes: number): boolean {
    const { presence, reported } = deviceTopics({ workspace: this.#workspace, device });
    return (topic === presence || topic === reported) && payloadBytes <= limits.reportedDocumentBytesMax;
  }

  /** Whether a device may subscribe with a filter: it must be contained in what the device may read. */
  maySubscribe(device: string, filter: string): boolean {
    const { downFilter } = deviceTopics({ workspace: this.#workspace, device });
    return filterContains(downFilter, filter) || filterContains(workspaceWideFilter(this.#workspace), filter);
  }
}
