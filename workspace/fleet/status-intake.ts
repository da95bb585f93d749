import type { Logger } from '../../base/logger.ts';
import { parserOf } from '../../base/validate.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { Presence, ReportedDocument } from '../../contract/messages.ts';
import { parseUpTopic, workspaceFilters } from '../../contract/topics.ts';
import { workspaceLimits } from '../limits.ts';
import type { BrokerLink } from '../mqtt/broker-link.ts';
import { withPresence, withReported } from './device-status.ts';
import type { Fleet } from './fleet.ts';

const presenceParser = parserOf(Presence, { what: 'presence', code: 'invalid_request' });
const reportedParser = parserOf(ReportedDocument, { what: 'reported document', code: 'invalid_request' });

/** Takes in what devices say of themselves, checked before anything believes it. */
export class StatusIntake {
  readonly #workspace: string;
  readonly #fleet: Fleet;
  readonly #link: BrokerLink;
  readonly #clock: () => Date;
  readonly #logger: Logger;

  constructor(options: {
    workspace: string;
    fleet: Fleet;
    link: BrokerLink;
    clock: () => Date;
    logger: Logger;
  }) {
    this.#workspace = options.workspace;
    this.#fleet = options.fleet;
    this.#link = options.link;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Subscribes; to be called before the link starts. */
  start(): void {
    const filters = workspaceFilters(this.#workspace);
    this.#link.subscribe(filters.presence, (topic, payload) => this.#receive(topic, payload));
    this.#link.subscribe(filters.reported, (topic, payload) => this.#receive(topic, payload));
  }

  #receive(topic: string, payload: Uint8Array): void {
    const parsed = parseUpTopic(this.#workspace, topic);
    // An empty payload is how a retained message is removed; it says nothing.
    if (parsed === undefined || payload.length === 0) return;
    try {
      if (parsed.leaf === 'presence') this.#takePresence(parsed.device, payload);
      else this.#takeReported(parsed.device, payload);
    } catch (thrown) {
      this.#logger.warn({ device: parsed.device, error: toSluiceError(thrown).toJSON() }, 'message ignored');
    }
  }

  #takePresence(device: string, payload: Uint8Array): void {
    checkSize('presence', payload, workspaceLimits.presenceBytesMax);
    const presence = presenceParser.parseJson(payload);
    this.#fleet.updateStatus(device, (status) => withPresence(status, presence, this.#clock().toISOString()));
  }

  #takeReported(device: string, payload: Uint8Array): void {
    checkSize('reported document', payload, limits.reportedDocumentBytesMax);
    const reported = reportedParser.parseJson(payload);
    if (reported.device !== device) {
      throw new SluiceError(
        'invalid_request',
        `reported document: device ${reported.device}, but it came on the topic of ${device}`,
      );
    }
    this.#fleet.updateStatus(device, (status) => withReported(status, reported));
  }
}

function checkSize(what: string, payload: Uint8Array, bytesMax: number): void {
  if (payload.length <= bytesMax) return;
  throw new SluiceError('limit_exceeded', `${what}: ${payload.length} bytes, at most ${bytesMax} allowed`);
}
