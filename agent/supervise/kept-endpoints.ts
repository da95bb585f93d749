import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import Type from '#typebox';
import { isNotFound, writeFileDurably } from '../../base/durable-files.ts';
import type { Logger } from '../../base/logger.ts';
import { parserOf } from '../../base/validate.ts';
import { toSluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { DesiredEndpoint, DesiredVersion } from '../../contract/messages.ts';
import { Name } from '../../contract/names.ts';
import type { EndpointsWanted } from './control-protocol.ts';

const keptEndpoints = Type.Object(
  { version: DesiredVersion, endpoints: Type.Array(DesiredEndpoint), deployments: Type.Array(Name) },
  { additionalProperties: false },
);
const parser = parserOf(keptEndpoints, { what: 'endpoints.json', code: 'state_invalid' });

/**
 * The endpoints of the last desired document, in a file of their own beside the record of what serves: when that
 * document is damaged on disk, what served before serves again, and does so behind its keys. There is no file
 * while there are no endpoints.
 */
export class KeptEndpoints {
  readonly #path: string;
  readonly #logger: Logger;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: { path: string; logger: Logger }) {
    this.#path = options.path;
    this.#logger = options.logger;
  }

  /**
   * What to stand behind while no desired document is known; undefined when there were no endpoints. A file that
   * is damaged shuts all these deployments: they had keys, and nobody knows which.
   */
  async load(deployments: readonly Name[]): Promise<EndpointsWanted | undefined> {
    try {
      return parser.parseJson(await readFile(this.#path));
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      const { code, message } = toSluiceError(thrown, 'state_invalid');
      this.#logger.error(
        { code, path: this.#path },
        `no deployment answers until the workspace does: ${message}`,
      );
      return shut(deployments);
    }
  }

  /** Writes in the background, one after the other: the desired document is on disk already. */
  keep(wanted: EndpointsWanted): void {
    const write = (): Promise<void> =>
      wanted.endpoints.length === 0
        ? rm(this.#path, { force: true })
        : writeFileDurably(this.#path, JSON.stringify(wanted));
    this.#writing = this.#writing.then(write).catch((thrown: unknown) => {
      this.#logger.error({ reason: String(thrown) }, 'endpoints.json: not written');
    });
  }

  /** Resolves when all is written. */
  async stop(): Promise<void> {
    await this.#writing;
  }
}

/** Endpoints whose keys nobody has. */
function shut(deployments: readonly Name[]): EndpointsWanted {
  const unknown = (): string => randomBytes(32).toString('hex');
  const size = limits.deploymentsPerDeviceMax;
  const endpoints = Array.from({ length: Math.ceil(deployments.length / size) }, (_, index) => ({
    name: `unknown-${index}`,
    traffic: Object.fromEntries(deployments.slice(index * size, (index + 1) * size).map((name) => [name, 0])),
    mirror: {},
    keys: { primary: unknown(), secondary: unknown() },
  }));
  return { version: { epoch: 'unknown', generation: 0 }, endpoints, deployments: [...deployments] };
}
