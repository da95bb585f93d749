/** Root of the topic tree; the version changes when a device of the old kind could misread a message. */
export const topicRoot = 'sluice/v1';

/** The whole tree of one device. A device publishes under `up` and reads under `dn`, nothing else. */
export interface DeviceTopics {
  /** Everything that the device may publish. */
  upFilter: string;
  /** Everything that the device may read of its own. */
  downFilter: string;
  /** Retained, QoS 1, also the last will: who is there. */
  presence: string;
  /** Retained, QoS 1: what the device runs. */
  reported: string;
  /** QoS 0: chunks asked for. */
  get: string;
  /** Retained, QoS 1: what the device shall run. */
  desired: string;
  /** QoS 0: chunks. Subscribed only while a transfer runs. */
  block: string;
}

/** Topics of a device; both arguments have passed the schema `Name`, so they hold no `/`, `+` or `#`. */
export function deviceTopics(options: { workspace: string; device: string }): DeviceTopics {
  const root = `${topicRoot}/${options.workspace}/d/${options.device}`;
  return {
    upFilter: `${root}/up/#`,
    downFilter: `${root}/dn/#`,
    presence: `${root}/up/presence`,
    reported: `${root}/up/reported`,
    get: `${root}/up/get`,
    desired: `${root}/dn/desired`,
    block: `${root}/dn/blk`,
  };
}

/** What the workspace listens to: the same leaf of every device. */
export function workspaceFilters(workspace: string): { presence: string; reported: string; get: string } {
  const root = `${topicRoot}/${workspace}/d/+/up`;
  return { presence: `${root}/presence`, reported: `${root}/reported`, get: `${root}/get` };
}

/** What every device of a workspace may read. Reserved for trust metadata and signed time. */
export function workspaceWideFilter(workspace: string): string {
  return `${topicRoot}/${workspace}/all/#`;
}

/** Takes a device's `up` topic apart; undefined for a topic of another workspace or shape. */
export function parseUpTopic(workspace: string, topic: string): { device: string; leaf: string } | undefined {
  const prefix = `${topicRoot}/${workspace}/d/`;
  if (!topic.startsWith(prefix)) return undefined;
  const [device, up, ...leaf] = topic.slice(prefix.length).split('/');
  if (device === undefined || device === '' || up !== 'up' || leaf.length === 0) return undefined;
  return { device, leaf: leaf.join('/') };
}
