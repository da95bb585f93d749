import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { openEnvelope } from '../../base/dsse.ts';
import { isNotFound, writeFileDurably } from '../../base/durable-files.ts';
import type { Logger } from '../../base/logger.ts';
import { parserOf } from '../../base/validate.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { DesiredDocument, desiredPayloadType } from '../../contract/messages.ts';
import type { Identity } from './identity.ts';

const desiredParser = parserOf(DesiredDocument, { what: 'desired document', code: 'desired_invalid' });

/** Whom desired documents must be for and from. */
export type DesiredAudience = Pick<Identity, 'workspace' | 'device' | 'epoch' | 'trustedKeys'>;

/**
 * Opens a signed desired document and checks that it is meant for this device in this epoch.
 * Throws `signature_invalid` or `desired_invalid`.
 */
function openDesired(envelope: Uint8Array, audience: DesiredAudience): DesiredDocument {
  if (envelope.length > limits.desiredDocumentBytesMax) {
    throw new SluiceError(
      'desired_invalid',
      `desired document: ${envelope.length} bytes, at most ${limits.desiredDocumentBytesMax} allowed`,
    );
  }
  const { trustedKeys } = audience;
  const payload = openEnvelope({ bytes: envelope, payloadType: desiredPayloadType, trustedKeys });
  const document = desiredParser.parseJson(payload);
  for (const field of ['workspace', 'device'] as const) {
    if (document[field] === audience[field]) continue;
    throw new SluiceError(
      'desired_invalid',
      `desired document: ${field} is ${document[field]}, this device belongs to ${audience[field]}`,
    );
  }
  if (document.version.epoch !== audience.epoch) {
    throw new SluiceError(
      'desired_invalid',
      `desired document: epoch ${document.version.epoch}, this device is in ${audience.epoch}; restart the agent if the workspace was restored`,
    );
  }
  const { deployments, endpoints = [] } = document;
  checkUnique(
    'deployment',
    deployments.map(({ name }) => name),
  );
  checkUnique(
    'endpoint',
    endpoints.map(({ name }) => name),
  );
  // Behind the keys of two endpoints a deployment would be behind those of neither.
  checkUnique(
    'an endpoint with deployment',
    endpoints.flatMap(({ traffic, mirror }) => [...Object.keys(traffic), ...Object.keys(mirror)]),
  );
  return document;
}

function checkUnique(what: string, names: readonly string[]): void {
  const twice = names.find((name, position) => names.indexOf(name) !== position);
  if (twice === undefined) return;
  throw new SluiceError('desired_invalid', `desired document: ${what} ${twice} stands there twice`);
}

/**
 * Whether `next` replaces `current`: a higher generation does, the same document again does not.
 * Throws `desired_stale` for a lower generation, `desired_invalid` for two documents of one generation.
 * A document of another epoch than the current one was let in by `openDesired`, so it replaces it.
 */
function supersedes(next: DesiredDocument, current: DesiredDocument | undefined): boolean {
  if (current === undefined || next.version.epoch !== current.version.epoch) return true;
  const [generation, accepted] = [next.version.generation, current.version.generation];
  if (generation > accepted) return true;
  if (generation < accepted) {
    throw new SluiceError(
      'desired_stale',
      `desired document: generation ${generation}, but ${accepted} was accepted already`,
    );
  }
  const [given, known] = [next, current].map(({ deployments, endpoints = [] }) =>
    JSON.stringify([deployments, endpoints]),
  );
  if (given !== known) {
    throw new SluiceError(
      'desired_invalid',
      `desired document: another document of generation ${generation} was accepted already`,
    );
  }
  return false;
}

/** The newest accepted desired document, durable in `desired.json` before anybody acts on it. */
export class DesiredState {
  readonly #path: string;
  readonly #audience: () => DesiredAudience;
  readonly #logger: Logger;
  #current: DesiredDocument | undefined;

  constructor(options: { stateFolder: string; audience: () => DesiredAudience; logger: Logger }) {
    this.#path = join(options.stateFolder, 'desired.json');
    this.#audience = options.audience;
    this.#logger = options.logger;
  }

  /** The newest accepted document; undefined before the first. */
  get current(): DesiredDocument | undefined {
    return this.#current;
  }

  /** Loads and verifies what was accepted before. A file that does not verify is set aside, never obeyed. */
  async start(): Promise<void> {
    try {
      this.#current = openDesired(await readFile(this.#path), this.#audience());
    } catch (thrown) {
      if (isNotFound(thrown)) return;
      const error = toSluiceError(thrown, 'state_invalid');
      this.#logger.error({ code: error.code, path: this.#path }, `set aside: ${error.message}`);
      await rename(this.#path, `${this.#path}.refused`);
    }
  }

  /**
   * Takes a document from the link; true when it replaces the current one. Calls must not overlap.
   * Throws `signature_invalid`, `desired_invalid`, `desired_stale` or `disk_full`; then nothing changes.
   */
  async accept(envelope: Uint8Array): Promise<boolean> {
    const next = openDesired(envelope, this.#audience());
    if (!supersedes(next, this.#current)) return false;
    await writeFileDurably(this.#path, envelope);
    this.#current = next;
    return true;
  }
}
