import type { Presence, ReportedDocument } from '../../contract/messages.ts';
import type { DeviceStatus } from '../storage/devices.ts';

/**
 * The status after a presence message. Only `online` may name a new boot: any other message of another
 * boot, or of an earlier connection, is a will that arrived late.
 */
export function withPresence(status: DeviceStatus, presence: Presence, at: string): DeviceStatus {
  const current = status.presence;
  if (current !== null) {
    const sameBoot = current.boot === presence.boot;
    if (sameBoot && presence.connection < current.connection) return status;
    if (!sameBoot && presence.state !== 'online') return status;
  }
  return { ...status, presence: { ...presence, at } };
}

/** The status after a reported document; an older one of the same boot changes nothing. */
export function withReported(status: DeviceStatus, reported: ReportedDocument): DeviceStatus {
  const current = status.reported;
  if (current !== null && current.boot === reported.boot && reported.sequence < current.sequence) {
    return status;
  }
  return { ...status, reported };
}
