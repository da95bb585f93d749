/** One step of long work: what it is, and how much of all is done, 0 to 1. */
export interface StageProgress {
  stage: string;
  fraction: number;
}

/**
 * Shows stages on standard error, so that standard output holds the result alone: one line that changes on
 * a terminal, a line a stage elsewhere, JSON lines with `--json`.
 */
export class ProgressLine {
  readonly #json: boolean;
  readonly #output: NodeJS.WriteStream;
  #stage = '';
  #percent = -1;

  constructor(options: { json: boolean; output?: NodeJS.WriteStream }) {
    this.#json = options.json;
    this.#output = options.output ?? process.stderr;
  }

  /** Writes only what changes: a stage, or a whole percent of one. */
  show({ stage, fraction }: StageProgress): void {
    const percent = Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
    const isNew = stage !== this.#stage;
    if (!isNew && (percent === this.#percent || !(this.#json || this.#output.isTTY))) return;
    const ended = isNew && this.#stage !== '' && this.#output.isTTY && !this.#json ? '\n' : '';
    [this.#stage, this.#percent] = [stage, percent];
    if (this.#json) this.#output.write(`${JSON.stringify({ stage, fraction: percent / 100 })}\n`);
    else if (this.#output.isTTY) this.#output.write(`${ended}\r\x1b[K${lineOf(stage, percent)}`);
    else this.#output.write(`${lineOf(stage, percent)}\n`);
  }

  /** Says something beside the stages, on a line of its own. */
  note(text: string): void {
    this.end();
    this.#output.write(this.#json ? `${JSON.stringify({ note: text })}\n` : `${text}\n`);
  }

  /** Leaves the line that changes, so that what follows starts on its own. */
  end(): void {
    if (this.#stage !== '' && this.#output.isTTY && !this.#json) this.#output.write('\n');
    this.#stage = '';
  }
}

function lineOf(stage: string, percent: number): string {
  return `${String(percent).padStart(3)} %  ${stage}`;
}
