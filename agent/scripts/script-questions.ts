import { brief } from '../tensors/brief.ts';
import type { ScriptQuestion, ToldAnswer, ToldValue } from './script-protocol.ts';

/** What a script gets of an answer: plain values, nothing of Node behind them. */
interface FetchedAnswer extends ToldAnswer {
  text(): string;
  json(): unknown;
}

/** What a script may send along. */
interface FetchOptions {
  method?: unknown;
  headers?: object;
  body?: unknown;
}

interface PendingQuestion {
  resolve(value: ToldValue): void;
  reject(error: Error): void;
}

/**
 * What a script asks of the world, besides its model: the thread has neither network nor files of its own, so
 * the host is asked, which knows what is granted.
 */
export class ScriptQuestions {
  readonly #send: (callId: number, question: ScriptQuestion) => void;
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #pending = new Map<number, PendingQuestion>();
  #nextCallId = 0;

  constructor(options: {
    send: (callId: number, question: ScriptQuestion) => void;
    /** Of the image, by path. */
    files: ReadonlyMap<string, Uint8Array>;
  }) {
    this.#send = options.send;
    this.#files = options.files;
  }

  /** `context.fetch`: an origin that the image is granted. */
  async fetch(url: unknown, options?: unknown): Promise<FetchedAnswer> {
    const { method = 'GET', headers = {}, body } = Object(options) as FetchOptions;
    const answer = (await this.#ask({
      what: 'fetch',
      url: String(url),
      method: String(method),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      ...(body === undefined
        ? {}
        : { body: body instanceof Uint8Array ? new Uint8Array(body) : String(body) }),
    })) as ToldAnswer;
    const text = (): string => new TextDecoder().decode(answer.body);
    return { ...answer, text, json: () => JSON.parse(text()) as unknown };
  }

  /** `context.readFile`: a file of the image by its path there, or one of the device by its absolute path. */
  async readFile(path: unknown): Promise<Uint8Array> {
    const name = String(path);
    const own = this.#files.get(name);
    if (own !== undefined) return new Uint8Array(own);
    if (name.startsWith('/')) return (await this.#ask({ what: 'readFile', path: name })) as Uint8Array;
    const there = [...this.#files.keys()].join(', ') || 'none';
    throw new Error(`readFile: the image has no file ${brief(name)}; there is ${there}`);
  }

  /** The host's answer. */
  told(callId: number, value: ToldValue): void {
    this.#settle(callId)?.resolve(value);
  }

  /** The host's refusal. */
  refused(callId: number, message: string): void {
    this.#settle(callId)?.reject(new Error(message));
  }

  #settle(callId: number): PendingQuestion | undefined {
    const pending = this.#pending.get(callId);
    this.#pending.delete(callId);
    return pending;
  }

  #ask(question: ScriptQuestion): Promise<ToldValue> {
    const callId = this.#nextCallId;
    this.#nextCallId += 1;
    return new Promise((resolve, reject) => {
      this.#pending.set(callId, { resolve, reject });
      this.#send(callId, question);
    });
  }
}
