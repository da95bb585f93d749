import type { KeyObject } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { signEnvelope } from '../../base/dsse.ts';
import type { Logger } from '../../base/logger.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import {
  type DesiredDeployment,
  type DesiredDocument,
  type DesiredEndpoint,
  desiredPayloadType,
} from '../../contract/messages.ts';
import type { Name } from '../../contract/names.ts';
import { deviceTopics } from '../../contract/topics.ts';
import { workspaceLimits } from '../limits.ts';
import type { BrokerLink } from '../mqtt/broker-link.ts';
import type { DeploymentsTable } from '../storage/deployments.ts';
import type { DesiredRecord, DesiredTable } from '../storage/desired.ts';
import type { EndpointsTable } from '../storage/endpoints.ts';
import type { ImagesTable } from '../storage/images.ts';
import { desiredEndpoints } from './endpoint-shares.ts';

/** What the desired state needs. */
export interface DesiredStateOptions {
  workspace: Name;
  epoch: string;
  key: KeyObject;
  desired: DesiredTable;
  deployments: DeploymentsTable;
  endpoints: EndpointsTable;
  images: ImagesTable;
  link: BrokerLink;
  clock: () => Date;
  logger: Logger;
}

/**
 * What each device shall run, as a retained document. The database is the truth: documents are made from
 * it whenever they are published, always the same bytes for the same generation.
 */
export class DesiredState {
  readonly #options: DesiredStateOptions;
  readonly #unpublished = new Set<Name>();
  #running = false;
  #publishing: Promise<void> | undefined;

  constructor(options: DesiredStateOptions) {
    this.#options = options;
  }

  /** Publishes from now on. */
  start(): void {
    this.#running = true;
  }

  /** Settles when nothing is being published any more. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#unpublished.clear();
    await this.#publishing;
  }

  /**
   * Recomputes what a device shall run; a change is a new generation. To be called inside the transaction
   * that changed deployments or endpoints, and followed by `announce` after it. Throws `limit_exceeded`.
   */
  refresh(device: Name): void {
    const { desired, clock } = this.#options;
    const deployments = this.#deploymentsOf(device);
    const endpoints = this.#endpointsOf(deployments);
    const current = desired.find(device);
    const [before, after] = [current, { deployments, endpoints }].map((state) =>
      JSON.stringify([state?.deployments, state?.endpoints]),
    );
    if (before === after) return;
    const generation = current === undefined ? 0 : current.generation + 1;
    desired.put({ device, generation, issuedAt: clock().toISOString(), deployments, endpoints });
  }

  /** Publishes the documents of these devices, in the background, as soon as the broker is there. */
  announce(devices: Iterable<Name>): void {
    for (const device of devices) this.#unpublished.add(device);
    if (!this.#running || this.#publishing !== undefined) return;
    this.#publishing = this.#publishAll().finally(() => {
      this.#publishing = undefined;
      // Somebody may have been announced between the end of the loop and this.
      if (this.#unpublished.size > 0) this.announce([]);
    });
  }

  /** The document that a device shall see. */
  document(record: DesiredRecord): DesiredDocument {
    return {
      schemaVersion: 1,
      workspace: this.#options.workspace,
      device: record.device,
      version: { epoch: this.#options.epoch, generation: record.generation },
      issuedAt: record.issuedAt,
      deployments: record.deployments,
      ...(record.endpoints.length === 0 ? {} : { endpoints: record.endpoints }),
    };
  }

  #deploymentsOf(device: Name): DesiredDeployment[] {
    const targets = this.#options.deployments.listOfDevice(device);
    if (targets.length > limits.deploymentsPerDeviceMax) {
      throw new SluiceError(
        'limit_exceeded',
        `device ${device}: ${targets.length} deployments, at most ${limits.deploymentsPerDeviceMax} allowed`,
      );
    }
    return targets.map(({ name, imageName, imageVersion, collect }) => {
      const image = this.#options.images.find(imageName, imageVersion);
      if (image === undefined) throw new Error(`deployment ${name} names an image that does not exist`);
      const { manifest, signature } = image;
      return { name, image: manifest, signature, ...(collect === null ? {} : { collect }) };
    });
  }

  #endpointsOf(deployments: readonly DesiredDeployment[]): DesiredEndpoint[] {
    const names = new Set(deployments.map(({ name }) => name));
    return desiredEndpoints(this.#options.endpoints.list(), names);
  }

  async #publishAll(): Promise<void> {
    let sinceTurn = 0;
    for (const device of this.#unpublished) {
      this.#unpublished.delete(device);
      try {
        await this.#publish(device);
      } catch (thrown) {
        // Every connection to the broker announces all devices again, so nothing is lost here.
        const error = toSluiceError(thrown).toJSON();
        this.#options.logger.warn({ device, error }, 'desired document not published yet');
      }
      sinceTurn += 1;
      if (sinceTurn % workspaceLimits.desiredPublishBatch === 0) await nextTurn();
    }
  }

  async #publish(device: Name): Promise<void> {
    const { desired, key, link, workspace } = this.#options;
    const record = desired.find(device);
    if (record === undefined) return;
    const payload = signEnvelope({ payloadType: desiredPayloadType, payload: this.document(record), key });
    const topics = deviceTopics({ workspace, device });
    await link.publish(topics.desired, payload, { qos: 1, retain: true });
  }
}
