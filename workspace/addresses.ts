import { authority, isWildcard } from './network.ts';
import type { WorkspaceSettings } from './options.ts';

/** Host of the workspace for somebody who reached it as `requestHost`. */
function hostFor(settings: WorkspaceSettings, requestHost: string): string {
  if (settings.publicHost !== undefined) return settings.publicHost;
  return isWildcard(settings.host) ? requestHost : settings.host;
}

/** Address of the REST API as seen from this machine. */
export function apiUrlOf(settings: WorkspaceSettings, port: number): string {
  const scheme = settings.tls === undefined ? 'http' : 'https';
  return `${scheme}://${authority({ host: hostFor(settings, '127.0.0.1'), port })}`;
}

/** Address of the broker; an outside broker's goes without the workspace's own credentials. */
export function mqttUrlOf(
  settings: WorkspaceSettings,
  options: { port: number; requestHost: string },
): string {
  if (settings.externalBroker !== undefined) {
    const url = new URL(settings.externalBroker.url);
    url.username = '';
    url.password = '';
    return url.href;
  }
  const scheme = settings.tls === undefined ? 'mqtt' : 'mqtts';
  return `${scheme}://${authority({ host: hostFor(settings, options.requestHost), port: options.port })}`;
}
