import type { Logger } from '../../base/logger.ts';
import { toSluiceError } from '../../contract/errors.ts';
import { deviceTopics } from '../../contract/topics.ts';
import type { BrokerLink } from './broker-link.ts';

/** Removes what the broker retains of a device (an empty payload does, MQTT 3.1.1 section 3.3.1.3). */
export async function clearRetained(options: {
  link: BrokerLink;
  workspace: string;
  device: string;
  logger: Logger;
}): Promise<void> {
  const { link, workspace, device, logger } = options;
  const { desired, presence, reported } = deviceTopics({ workspace, device });
  for (const topic of [desired, presence, reported]) {
    try {
      await link.publish(topic, new Uint8Array(), { qos: 1, retain: true });
    } catch (thrown) {
      logger.warn({ topic, error: toSluiceError(thrown).toJSON() }, 'retained message not removed');
    }
  }
}
