import { randomUUID } from 'node:crypto';
import type { WorkspaceSettings } from '../options.ts';
import type { BrokerLink } from './broker-link.ts';
import { EmbeddedBroker } from './embedded-broker.ts';
import { ExternalBroker } from './external-broker.ts';

/** The broker that the settings ask for; `embedded` is the same one when it lives in this process. */
export function makeLink(
  settings: WorkspaceSettings,
  authenticate: (device: string, token: Uint8Array) => boolean,
): { link: BrokerLink; embedded: EmbeddedBroker | undefined } {
  const { name, host, mqttPort, tls, externalBroker, logger, random } = settings;
  if (externalBroker !== undefined) {
    const clientId = `sluice-${name}-${randomUUID()}`;
    return { link: new ExternalBroker({ ...externalBroker, clientId, logger, random }), embedded: undefined };
  }
  const embedded = new EmbeddedBroker({
    workspace: name,
    host,
    port: mqttPort,
    ...(tls === undefined ? {} : { tls }),
    authenticate,
    logger,
  });
  return { link: embedded, embedded };
}
