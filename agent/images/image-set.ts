import { readFile, rename } from 'node:fs/promises';
import Type from '#typebox';
import { isNotFound, writeFileDurably } from '../../base/durable-files.ts';
import type { Logger } from '../../base/logger.ts';
import { parserOf } from '../../base/validate.ts';
import { toSluiceError } from '../../contract/errors.ts';
import { ReportedError } from '../../contract/messages.ts';
import { Digest, Name } from '../../contract/names.ts';

const strict = { additionalProperties: false } as const;

/** What a device remembers of one deployment over restarts and power cuts. */
export const DeploymentRecord = Type.Object(
  {
    /** The image that serves, or serves again after a restart. */
    active: Type.Union([Digest, Type.Null()]),
    /** The newest image that outlived its trial; kept on disk while `active` is another one. */
    lastGood: Type.Union([Digest, Type.Null()]),
    /** The image on trial: how often the scoring process died of it, and whether it was being activated. */
    trial: Type.Union([
      Type.Object(
        { image: Digest, crashes: Type.Integer({ minimum: 0 }), activating: Type.Boolean() },
        strict,
      ),
      Type.Null(),
    ]),
    /** Images that failed here and are not tried again. */
    quarantine: Type.Array(Type.Object({ digest: Digest, error: ReportedError }, strict)),
  },
  strict,
);
export type DeploymentRecord = Type.Static<typeof DeploymentRecord>;

const ImageSetFile = Type.Object(
  { schemaVersion: Type.Literal(1), deployments: Type.Record(Name, DeploymentRecord, strict) },
  strict,
);
const fileParser = parserOf(ImageSetFile, { what: 'deployments.json', code: 'state_invalid' });

/** A deployment that this device has not met before. */
export function emptyRecord(): DeploymentRecord {
  return { active: null, lastGood: null, trial: null, quarantine: [] };
}

/** The deployments of a device, durable in `deployments.json`. */
export class ImageSet {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #records = new Map<Name, DeploymentRecord>();
  #saving: Promise<void> = Promise.resolve();

  constructor(options: { path: string; logger: Logger }) {
    this.#path = options.path;
    this.#logger = options.logger;
  }

  /**
   * Loads the file. One that is damaged is set aside: the desired document and the blobs on disk are
   * enough to build it anew. An activation that never ended counts as a crash of its image.
   */
  async start(): Promise<void> {
    try {
      const file = fileParser.parseJson(await readFile(this.#path));
      for (const [name, record] of Object.entries(file.deployments)) {
        const { trial } = record;
        if (trial?.activating) record.trial = { ...trial, activating: false, crashes: trial.crashes + 1 };
        this.#records.set(name, record);
      }
    } catch (thrown) {
      if (isNotFound(thrown)) return;
      const error = toSluiceError(thrown, 'state_invalid');
      this.#logger.error({ code: error.code, path: this.#path }, `set aside: ${error.message}`);
      await rename(this.#path, `${this.#path}.damaged`);
    }
  }

  /** Names of all deployments with a record. */
  names(): Name[] {
    return [...this.#records.keys()];
  }

  /** The record of a deployment; an empty one for a new name. */
  get(name: Name): DeploymentRecord {
    return this.#records.get(name) ?? emptyRecord();
  }

  /** Changes a record; the promise says that it will survive a power cut. Throws `disk_full`. */
  set(name: Name, record: DeploymentRecord): Promise<void> {
    this.#records.set(name, record);
    return this.#save();
  }

  /** Forgets a deployment. */
  delete(name: Name): Promise<void> {
    this.#records.delete(name);
    return this.#save();
  }

  /** Waits until what was changed is on the disk, or could not be written. */
  settled(): Promise<void> {
    return this.#saving;
  }

  /** Writes one after the other, each with the newest content. */
  #save(): Promise<void> {
    const saved = this.#saving.then(() => {
      const file = { schemaVersion: 1, deployments: Object.fromEntries(this.#records) };
      return writeFileDurably(this.#path, `${JSON.stringify(file, null, 2)}\n`);
    });
    this.#saving = saved.catch(() => undefined);
    return saved;
  }
}
